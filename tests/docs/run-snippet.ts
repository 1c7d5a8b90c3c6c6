import { execFile } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { inject } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Runs lines of TypeScript, which have no types in them, or of Python, as a reader does who copies them.
 * @param folder - the working folder; caches and the installed packages go there too
 * @param page - URL of the page that the lines run in, for those that are for browsers
 * @returns what they printed
 */
export async function runSnippet(
  language: "ts" | "python",
  code: string,
  folder: string,
  page?: string,
): Promise<string> {
  const env = {
    ...process.env,
    ...{ PYTHONPATH: join(root, "python", "src"), PYTHONDONTWRITEBYTECODE: "1", OMP_NUM_THREADS: "1" },
    ...{ HF_HOME: join(folder, "hf"), HF_HUB_OFFLINE: "1", XDG_CACHE_HOME: join(folder, "cache") },
  };
  const file = join(folder, language === "ts" ? "snippet.mjs" : "snippet.py");
  const prelude = page === undefined ? "" : `globalThis.location = { href: ${JSON.stringify(page)} };\n`;
  await writeFile(file, prelude + code);
  if (language === "ts") await installPackages(folder);
  const program = language === "ts" ? process.execPath : "python3";
  return (await promisify(execFile)(program, [file], { cwd: folder, env })).stdout;
}

/** Both packages, as `npm install` puts them there, and TensorFlow.js. */
async function installPackages(folder: string): Promise<void> {
  const modules = join(folder, "node_modules");
  for (const [name, source] of [
    ["cifar5m", "package.json"],
    ["cifar5m-shards", join("shards", "package.json")],
  ] as const) {
    await mkdir(join(modules, name), { recursive: true });
    await writeFile(join(modules, name, "package.json"), await readFile(join(root, source)));
    await symlink(inject("compiledFolder"), join(modules, name, "dist"));
  }
  await symlink(join(root, "node_modules", "@tensorflow"), join(modules, "@tensorflow"));
}
