import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeOnError } from "../../core/close-on-error.ts";
import { Cifar5mError, hasCode } from "../../core/errors.ts";
import { diskError, systemCodeOf } from "../../storage/disk-error.ts";
import { readFileFactsIfAny } from "../../storage/file-facts.ts";
import { joinPath } from "../../storage/join-path.ts";
import { listFolder } from "../../storage/list-folder.ts";
import { objectsAt } from "../../storage/object-files.ts";
import { parseLocation } from "../../storage/parse-location.ts";
import { fileExists } from "../../storage/read-file.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import { readRegularFile } from "../../storage/regular-file.ts";
import type { FileSource } from "../arrow/byte-source.ts";
import { flagsName, flagsTableName, parseUsableFlags, tableEntry, wrongTable } from "../format/flags.ts";
import type { Manifest, ShardEntry, SplitName } from "../format/manifest.ts";
import { readManifest } from "../format/manifest-file.ts";
import type { StoreOptions } from "../remote/open-store.ts";
import type { TransferOptions } from "../remote/transfer-options.ts";

/** How a data set on a server is reached. */
export interface ConnectOptions extends StoreOptions {
  readonly transfer?: TransferOptions;
  readonly signal?: AbortSignal;
}

/** A data set that is opened for verification, and access to its shards. */
export interface VerifiedDataset {
  readonly manifest: Manifest;
  /** The path or URL of a file, for messages. */
  pathOf(file: string): string;
  /** All bytes of a shard. @throws Cifar5mError `shard/missing`, `disk/…`; `store/…`; the signal's reason */
  read(entry: ShardEntry): Promise<Uint8Array>;
  /** Size of a shard in bytes; undefined if only reading it would tell. @throws as `read` */
  sizeOf(entry: ShardEntry): Promise<number | undefined>;
  /** The files of a split; empty where they cannot be listed. */
  list(split: SplitName): Promise<string[]>;
  /**
   * The table of flags beside the manifest; undefined if there is none that readers take.
   * @throws as `read`; Cifar5mError `flags/…`, `json/corrupt`
   */
  readFlags(): Promise<ReadFlags | undefined>;
  close(): Promise<void>;
}

/** The table of flags, as its description lists it, and its bytes. */
export interface ReadFlags {
  readonly entry: Pick<ShardEntry, "rows" | "bytes" | "sha256">;
  readonly data: Uint8Array;
}

/**
 * Opens a data set to verify it.
 * @param location - as in `openDataset`
 * @throws Cifar5mError `manifest/…`, `json/corrupt`, `disk/…`; `store/…`
 */
export async function openForVerification(location: string, options: ConnectOptions): Promise<VerifiedDataset> {
  const parsed = parseLocation(location);
  if (objectsAt(location) !== undefined) return await openFolder(location);
  return parsed.kind === "folder" ? await openFolder(parsed.directory) : await openUrl(parsed.url, options);
}

async function openFolder(directory: string): Promise<VerifiedDataset> {
  const pathOf = (file: string) => joinPath(directory, file);
  const manifest = await readManifest(directory);
  const read = ({ file }: ShardEntry) =>
    readRegularFile(pathOf(file)).catch((thrown) => Promise.reject(missing(thrown, pathOf(file))));
  return {
    manifest,
    pathOf,
    read,
    readFlags: async () => {
      const text = await readTextIfAny(pathOf(flagsName));
      const flags = text === undefined ? undefined : parseUsableFlags(text, manifest, pathOf(flagsName));
      if (flags === undefined) return undefined;
      const path = pathOf(flagsTableName);
      if (!(await fileExists(path))) throw wrongTable(path, "is described and does not exist");
      return { entry: flags, data: await read(tableEntry(flags)) };
    },
    sizeOf: async ({ file }) => {
      const found = await readFileFactsIfAny(pathOf(file));
      if (found === undefined) throw noShard(pathOf(file));
      return found.bytes;
    },
    list: (split) => listFolder(pathOf(split)).catch(() => []),
    close: async () => undefined,
  };
}

/** Fetches shards into an empty cache: the content of another cache says nothing about the server. */
async function openUrl(url: string, connect: ConnectOptions): Promise<VerifiedDataset> {
  const { openRemote } = await import("../remote/open-remote.ts");
  const directory = await mkdtemp(join(tmpdir(), "cifar5m-verify-"));
  const close = () => rm(directory, { recursive: true, force: true });
  return await closeOnError({ close }, async () => {
    const { source, manifest } = await openRemote(url, { ...connect, cache: { directory, maxBytes: 0 } });
    const ends = connect.signal ?? new AbortController().signal;
    return {
      manifest,
      pathOf: (file) => `${source.location}/${file}`,
      read: async (entry) => readAll(await source.fetch(entry, ends)),
      readFlags: async () => {
        const entry = await source.describeFlags(manifest, ends).catch((thrown: unknown) => {
          if (hasCode(thrown, ...unusedFlags)) return undefined;
          throw thrown;
        });
        return entry && { entry, data: readAll(await source.fetch(tableEntry(entry), ends)) };
      },
      sizeOf: async () => undefined,
      list: async () => [],
      close,
    };
  });
}

/** Errors of no flags, which some servers say by 403, and of flags that readers refuse, which are not damaged. */
const unusedFlags = ["flags/missing", "flags/partial", "flags/other-dataset", "store/forbidden"];

/** All bytes of a file, which is closed. */
function readAll(file: FileSource): Uint8Array {
  try {
    const data = new Uint8Array(file.bytes);
    file.readInto(0, data);
    return data;
  } finally {
    file.close();
  }
}

function missing(thrown: unknown, path: string): unknown {
  return systemCodeOf(thrown) === "ENOENT" ? noShard(path) : diskError(thrown, "read", path);
}

function noShard(path: string): Cifar5mError {
  return new Cifar5mError(
    "shard/missing",
    `${path} is listed in the manifest but does not exist. Rebuild it with \`cifar5m repair\`, or download it again.`,
  );
}
