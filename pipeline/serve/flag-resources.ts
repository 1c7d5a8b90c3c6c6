import { join } from "node:path";
import { type FlagsDescription, flagsName, flagsTableName, parseUsableFlags } from "../../shards/format/flags.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import type { PublishedDataset } from "../run/find-dataset.ts";
import { openListedFile, type Resource, toContent } from "./resource.ts";

/** The flags of a data set, by path. An audit may write them while the data set is served. */
export function flagResources({ directory, manifest }: PublishedDataset): Readonly<Record<string, Resource>> {
  const path = join(directory, flagsName);
  const read = async (): Promise<{ readonly text: string; readonly flags: FlagsDescription } | undefined> => {
    const text = await readTextIfAny(path);
    const flags = text === undefined ? undefined : parseUsableFlags(text, manifest, path);
    return text === undefined || flags === undefined ? undefined : { text, flags };
  };
  return {
    [`/dataset/${flagsName}`]: {
      type: "application/json",
      open: async () => {
        const found = await read();
        return found === undefined ? undefined : toContent(Buffer.from(found.text));
      },
    },
    [`/dataset/${flagsTableName}`]: {
      type: "application/vnd.apache.arrow.file",
      open: async () => {
        const found = await read();
        if (found === undefined) return undefined;
        const { bytes, sha256 } = found.flags;
        return await openListedFile({ directory, path: join(directory, flagsTableName), bytes, sha256 });
      },
    },
  };
}
