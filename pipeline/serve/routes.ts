import { join } from "node:path";
import { manifestName, splitNames } from "../../shards/format/manifest.ts";
import { sealJson } from "../../storage/canonical-json.ts";
import { renderDatasetSheet } from "../inspect/contact-sheet.ts";
import type { PublishedDataset } from "../run/find-dataset.ts";
import { summarizeConfidence } from "./confidence.ts";
import { flagResources } from "./flag-resources.ts";
import { pageHeaders, renderPage } from "./page.ts";
import { openListedFile, type Resource, toContent } from "./resource.ts";

/** A year in seconds, the conventional way to say "for ever". */
const longMaxAge = 31_536_000;

/** Finds the resource for a request's target (path and query), or undefined. */
export type FindResource = (target: string) => Resource | undefined;

/**
 * All resources of a data set, by exact path. A path is never decoded, joined or looked up on the disk, so a request
 * can reach only what is listed here.
 * @param options.folder - path of the data set's folder for the page; undefined if visitors do not share this disk
 */
export function routesOf(dataset: PublishedDataset, options: { readonly folder: string | undefined }): FindResource {
  const { directory, manifest } = dataset;
  const sheet = once(() => renderDatasetSheet({ directory, manifest }));
  const confidence = once(() => summarizeConfidence(dataset));
  const manifestContent = toContent(Buffer.from(sealJson(manifest)));
  const routes = new Map<string, Resource>([
    [
      "/",
      {
        type: "text/html; charset=utf-8",
        headers: pageHeaders,
        open: async ({ origin }) => {
          // A damaged shard must not hide the rest of the page.
          const known = await confidence().catch(() => undefined);
          return toContent(Buffer.from(renderPage({ manifest, origin, folder: options.folder, confidence: known })));
        },
      },
    ],
    ["/contact-sheet.png", { type: "image/png", open: async () => toContent(await sheet()) }],
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
  return (target) => {
    const path = target.replace(/\?(?!sha256=).*$/s, "");
    return routes.get(path);
  };
}

/** Does the work on the first call and keeps the result, but not an error. */
function once<Value>(work: () => Promise<Value>): () => Promise<Value> {
  let result: Promise<Value> | undefined;
  return () => {
    result ??= work().catch((thrown: unknown) => {
      result = undefined;
      throw thrown;
    });
    return result;
  };
}
