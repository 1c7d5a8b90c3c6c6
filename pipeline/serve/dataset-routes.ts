import { join } from "node:path";
import { flagsName, parseUsableFlags } from "../../shards/format/flags.ts";
import { manifestName, splitNames } from "../../shards/format/manifest.ts";
import { sealJson } from "../../storage/canonical-json.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import type { PublishedDataset } from "../run/find-dataset.ts";
import { flagResources } from "./flag-resources.ts";
import { makeColumns } from "./make-columns.ts";
import { type Content, openListedFile, type Resource, toContent } from "./resource.ts";

/** A year in seconds, the conventional way to say "for ever". */
const longMaxAge = 31_536_000;

/** The files of a set under `/dataset/`, and the columns of its splits, by exact path. */
export function datasetResources(dataset: PublishedDataset): ReadonlyMap<string, Resource> {
  const { directory, manifest } = dataset;
  const manifestContent = toContent(Buffer.from(sealJson(manifest)));
  const routes = new Map<string, Resource>([
    [`/dataset/${manifestName}`, { type: "application/json", open: async () => manifestContent }],
  ]);
  for (const [path, resource] of Object.entries(flagResources(dataset))) routes.set(path, resource);
  for (const { file, bytes, sha256 } of splitNames.flatMap((split) => manifest.splits[split].shards)) {
    const shard: Resource = {
      type: "application/vnd.apache.arrow.file",
      open: () => openListedFile({ directory, path: join(directory, file), bytes, sha256 }),
    };
    routes.set(`/dataset/${file}`, shard);
    // The plain path may refer to another set's bytes tomorrow. With the hash in it, the address always refers to these
    // bytes.
    const headers = { "Cache-Control": `public, max-age=${longMaxAge}, immutable` };
    routes.set(`/dataset/${file}?sha256=${sha256}`, { ...shard, headers });
  }
  for (const split of splitNames) {
    const columns = columnsResource(dataset, split);
    routes.set(`/columns/${split}.bin`, columns);
    // A page that was opened before the set grew must not get the columns of another set than its manifest's.
    routes.set(`/columns/${split}.bin?sha256=${manifest.sha256}`, columns);
  }
  return routes;
}

/** The columns of a split, made when they are first asked for, and anew when an audit has written other flags. */
function columnsResource(dataset: PublishedDataset, split: (typeof splitNames)[number]): Resource {
  const made = new Map<string, Promise<Content>>();
  return {
    type: "application/octet-stream",
    open: async () => {
      const key = await flagsHash(dataset);
      let content = made.get(key);
      if (content === undefined) {
        content = makeColumns(dataset, split, { hasFlags: key !== "" }).then(toContent);
        content.catch(() => made.delete(key));
        made.clear();
        made.set(key, content);
      }
      return await content;
    },
  };
}

/** sha256 of the flags that may be used, or an empty text. */
export async function flagsHash({ directory, manifest }: PublishedDataset): Promise<string> {
  const path = join(directory, flagsName);
  const text = await readTextIfAny(path);
  return text === undefined ? "" : (parseUsableFlags(text, manifest, path)?.sha256 ?? "");
}
