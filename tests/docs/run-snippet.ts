import { execFile } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { inject } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Runs lines of TypeScript, which have no types in them, or of Python, as a reader does who copies them.
 * @param folder - the working folder; caches and the installed package go there too
 * @returns what they printed
 */
export async function runSnippet(language: "ts" | "python", code: string, folder: string): Promise<string> {
  const env = {
    ...process.env,
    ...{ PYTHONPATH: join(root, "python", "src"), PYTHONDONTWRITEBYTECODE: "1", OMP_NUM_THREADS: "1" },
    ...{ HF_HOME: join(folder, "hf"), HF_HUB_OFFLINE: "1", XDG_CACHE_HOME: join(folder, "cache") },
  };
  const file = join(folder, language === "ts" ? "snippet.mjs" : "snippet.py");
  await writeFile(file, code);
  if (language === "ts") await installPackage(folder);
  const program = language === "ts" ? process.execPath : "python3";
  return (await promisify(execFile)(program, [file], { cwd: folder, env })).stdout;
}

/** The package, as `npm install` puts it there. */
async function installPackage(folder: string): Promise<void> {
  const installed = join(folder, "node_modules", "cifar5m");
  await mkdir(installed, { recursive: true });
  await writeFile(join(installed, "package.json"), await readFile(join(root, "package.json")));
  await symlink(inject("compiledFolder"), join(installed, "dist"));
}
