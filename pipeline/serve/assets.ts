import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { once } from "../../core/once.ts";
import { readFileIfAny } from "../../storage/read-file.ts";
import { type Resource, toContent } from "./resource.ts";

/** Scripts and style of the page, as `scripts/maintain/bundle-page.mjs` bundles them beside this module. */
const bundled = {
  "browse.js": "text/javascript; charset=utf-8",
  "build.js": "text/javascript; charset=utf-8",
  "experiment.js": "text/javascript; charset=utf-8",
  "experiment-worker.js": "text/javascript; charset=utf-8",
  "page.css": "text/css; charset=utf-8",
} as const;

/** Path of the TensorFlow.js that is installed beside us, or undefined. Its older builds make code from text. */
function findTensorFlow(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve("@tensorflow/tfjs/dist/tf.es2017.min.js");
  } catch {
    return undefined;
  }
}

/**
 * The scripts and the style of the page, by path.
 * @param headers - a worker's script has a policy of its own
 */
export function assetResources(headers: Readonly<Record<string, string>>): ReadonlyMap<string, Resource> {
  const routes = new Map<string, Resource>();
  for (const [name, type] of Object.entries(bundled)) {
    const path = fileURLToPath(new URL(`./client/${name}`, import.meta.url));
    const read = once(async () => {
      const found = await readFileIfAny(path);
      return found === undefined ? undefined : toContent(found);
    });
    routes.set(`/assets/${name}`, { type, headers, open: read });
  }
  const tensorFlow = findTensorFlow();
  if (tensorFlow !== undefined) {
    const read = once(async () => toContent(await readFile(tensorFlow)));
    routes.set("/assets/tf.es2017.min.js", { type: "text/javascript; charset=utf-8", headers, open: read });
  }
  return routes;
}
