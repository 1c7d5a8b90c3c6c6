/**
 * Packs both packages into a folder, as they are published; plain JavaScript.
 *
 * The loader's package gets the modules that it is made of. In the builder's package each of those modules is one line
 * that hands on the loader's. So whoever installs both has every class once, and every import of the builder's package
 * goes on working.
 *
 * usage: node scripts/maintain/pack.mjs [FOLDER]   (`packages` by default)
 */

import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bundlePage } from "./bundle-page.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const target = resolve(process.argv[2] ?? join(root, "packages"));
const staging = join(root, ".cache", `pack-${process.pid}`);
const [compiled, builder, loader] = ["compiled", "cifar5m", "cifar5m-shards"].map((name) => join(staging, name));

function run(program, args) {
  const { status } = spawnSync(program, args, { cwd: root, stdio: "inherit", shell: process.platform === "win32" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}`);
}

/** Modules below a folder, relative to what was compiled. */
function modulesIn(folder) {
  return readdirSync(join(compiled, folder), { recursive: true })
    .filter((name) => name.endsWith(".js"))
    .map((name) => join(folder, name));
}

/** Modules that some modules import, themselves included. */
function closureOf(modules) {
  const found = new Set(modules);
  for (const module of found) {
    const text = readFileSync(join(compiled, module), "utf8");
    for (const [, path] of text.matchAll(/(?:from|import\(|import)\s*"(\.[^"]+\.js)"/g)) {
      found.add(relative(compiled, resolve(compiled, dirname(module), path)));
    }
  }
  return found;
}

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** What a published package.json says: nothing of how the repository is worked on. */
function published(path) {
  const { private: _, workspaces: __, scripts: ___, devDependencies: ____, ...rest } = JSON.parse(readFileSync(path));
  return `${JSON.stringify(rest, null, 2)}\n`;
}

async function stage() {
  const ofLoader = closureOf([...modulesIn("storage"), ...modulesIn("shards")]);
  const strangers = [...ofLoader].filter((module) => !/^(core|storage|shards)\//.test(module));
  if (strangers.length > 0) throw new Error(`the loader's package must not need ${strangers.join(", ")}`);
  const all = modulesIn("").filter((module) => !/^(bench|scripts\/maintain)\//.test(module));
  for (const module of all) {
    for (const file of [module, module.replace(/\.js$/, ".d.ts")]) {
      const text = readFileSync(join(compiled, file), "utf8");
      const handOn = `export * from "cifar5m-shards/internal/${module.replace(/\.js$/, "")}";\n`;
      write(join(builder, "dist", file), ofLoader.has(module) ? handOn : text);
      if (ofLoader.has(module)) write(join(loader, "dist", file), text);
    }
  }
  write(join(builder, "package.json"), published(join(root, "package.json")));
  write(join(loader, "package.json"), published(join(root, "shards", "package.json")));
  for (const name of ["README.md", "CHANGELOG.md", "LICENSE"]) copyFileSync(join(root, name), join(builder, name));
  await bundlePage(join(builder, "dist"));
  // README links to the pages.
  const isPage = (path) => !/docs\/api(\/|$)/.test(path);
  cpSync(join(root, "docs"), join(builder, "docs"), { recursive: true, filter: isPage });
  cpSync(join(root, "weights"), join(builder, "weights"), { recursive: true });
  copyFileSync(join(root, "shards", "README.md"), join(loader, "README.md"));
  copyFileSync(join(root, "LICENSE"), join(loader, "LICENSE"));
}

try {
  const options = ["--outDir", compiled, "--sourceMap", "false", "--incremental", "false", "--tsBuildInfoFile", "null"];
  run(join(root, "node_modules", ".bin", "tsc"), ["--project", "tsconfig.build.json", ...options]);
  await stage();
  mkdirSync(target, { recursive: true });
  run("npm", ["pack", "--silent", "--pack-destination", target, loader, builder]);
} finally {
  rmSync(staging, { recursive: true, force: true });
}
