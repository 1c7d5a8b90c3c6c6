/**
 * Bundles the scripts and the style of the page that `cifar5m serve` shows; plain JavaScript.
 *
 * usage: node scripts/maintain/bundle-page.mjs [FOLDER]   (a folder of compiled sources, `dist` by default)
 */

import { join, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));
const source = join(root, "pipeline", "serve", "client");

/** Bundles into the folder where `pipeline/serve/assets` looks for them. @param compiled - a folder of compiled sources */
export async function bundlePage(compiled) {
  const common = { bundle: true, platform: "browser", target: "es2022", minify: true, logLevel: "warning" };
  const outdir = join(compiled, "pipeline", "serve", "client");
  const inSource = (names) => names.map((name) => join(source, name));
  await build({
    ...common,
    entryPoints: inSource(["browse.ts", "build.ts", "experiment.ts", "page.css"]),
    outdir,
    format: "esm",
  });
  // Only a classic worker can load TensorFlow.js as it is installed.
  await build({ ...common, entryPoints: inSource(["experiment-worker.ts"]), outdir, format: "iife" });
}

if (argv[1] !== undefined && resolve(argv[1]) === fileURLToPath(import.meta.url)) {
  await bundlePage(resolve(argv[2] ?? join(root, "dist")));
}
