import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { diskError, systemCodeOf } from "../../storage/disk-error.ts";
import { readFileFactsIfAny } from "../../storage/file-facts.ts";
import { joinPath } from "../../storage/join-path.ts";
import { listFolder } from "../../storage/list-folder.ts";
import { objectsAt } from "../../storage/object-files.ts";
import { parseLocation } from "../../storage/parse-location.ts";
import { readRegularFile } from "../../storage/regular-file.ts";
import type { Manifest, ShardEntry, SplitName } from "../format/manifest.ts";
import { readManifest } from "../format/manifest-file.ts";

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
  close(): Promise<void>;
}

/**
 * Opens a data set to verify it.
 * @param location - as in `openDataset`
 * @throws Cifar5mError `manifest/…`, `json/corrupt`, `disk/…`; `store/…`
 */
export async function openForVerification(location: string, signal: AbortSignal | undefined): Promise<VerifiedDataset> {
  const parsed = parseLocation(location);
  if (objectsAt(location) !== undefined) return await openFolder(location);
  return parsed.kind === "folder" ? await openFolder(parsed.directory) : await openUrl(parsed.url, signal);
}

async function openFolder(directory: string): Promise<VerifiedDataset> {
  const pathOf = (file: string) => joinPath(directory, file);
  return {
    manifest: await readManifest(directory),
    pathOf,
    read: ({ file }) => readRegularFile(pathOf(file)).catch((thrown) => Promise.reject(missing(thrown, pathOf(file)))),
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
async function openUrl(url: string, signal: AbortSignal | undefined): Promise<VerifiedDataset> {
  const { openRemote } = await import("../remote/open-remote.ts");
  const directory = await mkdtemp(join(tmpdir(), "cifar5m-verify-"));
  const close = () => rm(directory, { recursive: true, force: true });
  try {
    const options = { cache: { directory, maxBytes: 0 }, ...(signal === undefined ? {} : { signal }) };
    const { source, manifest } = await openRemote(url, options);
    return {
      manifest,
      pathOf: (file) => `${source.location}/${file}`,
      read: async (entry) => {
        const file = await source.fetch(entry, signal ?? new AbortController().signal);
        try {
          const data = new Uint8Array(file.bytes);
          file.readInto(0, data);
          return data;
        } finally {
          file.close();
        }
      },
      sizeOf: async () => undefined,
      list: async () => [],
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
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
