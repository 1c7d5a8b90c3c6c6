import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { onnxruntimeVersion } from "../../engine/onnxruntime/load-onnxruntime.ts";
import { makeDataset } from "../support/make-rows.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);
let folder = "";

/** A fresh project with the packed loader. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-package-"));
  await run(process.execPath, [join(root, "scripts", "maintain", "pack.mjs"), folder], { cwd: root });
  const project = join(folder, "project");
  await mkdir(project);
  await writeFile(join(project, "package.json"), '{ "private": true }');
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  await run("npm", ["install", ...quiet, join(folder, "cifar5m-shards-0.2.0.tgz")], { cwd: project });
  return () => rm(folder, { recursive: true });
});

async function listPackages(modules: string): Promise<string[]> {
  const names = (await readdir(modules)).filter((name) => !name.startsWith("."));
  const nested = names.map(async (name) =>
    name.startsWith("@") ? (await readdir(join(modules, name))).map((inner) => `${name}/${inner}`) : [name],
  );
  return (await Promise.all(nested)).flat();
}

test("the loader's package installs at most 17 packages and 25 MB, none of which runs a script", async () => {
  const modules = join(folder, "project", "node_modules");
  const packages = await listPackages(modules);
  expect(packages.length).toBeLessThanOrEqual(17);
  for (const name of packages) {
    const { scripts = {} } = JSON.parse(await readFile(join(modules, name, "package.json"), "utf8"));
    expect(
      Object.keys(scripts).filter((script) => /^(pre|post)?install$/.test(script)),
      name,
    ).toEqual([]);
  }
  let bytes = 0;
  for (const name of await readdir(modules, { recursive: true })) {
    const found = await stat(join(modules, name));
    if (found.isFile()) bytes += found.size;
  }
  expect(bytes).toBeLessThan(25e6);
});

test("it is used from JavaScript, CommonJS and strict TypeScript", async () => {
  const project = join(folder, "project");
  await makeDataset(join(project, "data"), { train: 30, test: 5, rowsPerShard: 10 });
  const lines = `const loader = (await openDataset("data")).loader({ regime: "finite", batchSize: 10, epochs: 1, seed: 0 });
let sum = 0;
for await (const { ids, labels } of loader) sum += ids.length * 1000 + labels.length;
console.log(sum);`;
  await writeFile(join(project, "a.mjs"), `import { openDataset } from "cifar5m-shards";\n${lines}\n`);
  await writeFile(
    join(project, "b.cjs"),
    `const { openDataset } = require("cifar5m-shards");\n(async () => {\n${lines}\n})();\n`,
  );
  for (const file of ["a.mjs", "b.cjs"]) {
    const { stdout, stderr } = await run(process.execPath, [file], { cwd: project });
    expect(stdout).toBe("30030\n");
    expect(stderr.replaceAll(/.*ExperimentalWarning.*\n.*\n/g, "")).toBe("");
  }
  const typed = `import { type Batch, type Loader, openDataset, writeDataset } from "cifar5m-shards";
import { openDataset as openInBrowser } from "cifar5m-shards/browser";
import { readShard } from "cifar5m-shards/format";
export const loader: Loader<Float32Array> = (await openDataset("x")).loader({ regime: "finite", batchSize: 2, dtype: "float32" });
export type Images = Batch<Float32Array>["images"];
export { openInBrowser, readShard, writeDataset };
`;
  await writeFile(join(project, "c.mts"), typed);
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const types = ["--types", "node", "--typeRoots", join(root, "node_modules", "@types")];
  const strict = ["--strict", "--exactOptionalPropertyTypes", "--skipLibCheck", "false"];
  const target = ["--module", "nodenext", "--target", "es2023", "--lib", "es2023,dom,dom.asynciterable"];
  await run(process.execPath, [tsc, "--noEmit", ...strict, ...target, ...types, "c.mts"], { cwd: project });
});

test("the builder installs where install scripts may run and their downloads are out of reach, and says what is missing", async () => {
  const project = join(folder, "builder");
  await mkdir(project);
  await writeFile(join(project, "package.json"), '{ "private": true }');
  const packages = ["cifar5m-shards-0.2.0.tgz", "cifar5m-0.2.0.tgz"].map((name) => join(folder, name));
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  const env = { ...process.env, npm_config_ignore_scripts: "false" };
  await run("npm", ["install", ...quiet, ...packages], { cwd: project, env });
  const cli = join(project, "node_modules", "cifar5m", "dist", "scripts", "cifar5m.js");
  expect((await run(process.execPath, [cli, "--version"], { cwd: project })).stdout).toBe("0.2.0\n");
  // It exits with 1 where an engine cannot be used.
  const doctor = run(process.execPath, [cli, "doctor", "--json"], { cwd: project });
  const { stdout } = await doctor.catch((thrown: { readonly stdout: string }) => thrown);
  const { findings } = JSON.parse(stdout);
  const [cpu] = findings as { readonly usable: boolean; readonly reason?: string }[];
  // npm removes the optional package again where its script fails.
  const isInstalled = existsSync(join(project, "node_modules", "onnxruntime-node"));
  expect(cpu!.usable).toBe(isInstalled);
  if (!isInstalled) expect(cpu!.reason).toContain("npx cifar5m setup onnxruntime");
});

test("the version of onnxruntime that is set up is the one that package.json asks for", async () => {
  const { optionalDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  expect(optionalDependencies["onnxruntime-node"]).toBe(onnxruntimeVersion);
});

test("the builder's package holds no second copy of the loader, no source maps and no tools of the repository", async () => {
  const { stdout } = await run("tar", ["-tzf", join(folder, "cifar5m-0.2.0.tgz")]);
  const files = stdout.split("\n");
  expect(files).toContain("package/dist/scripts/cifar5m.js");
  expect(files).toContain("package/weights/generator.safetensors");
  expect(files.filter((file) => /\.map$|tsbuildinfo|\/bench\/|\/maintain\/|\/tests\//.test(file))).toEqual([]);
  const { stdout: text } = await run("tar", [
    ...["-xzOf", join(folder, "cifar5m-0.2.0.tgz"), "package/dist/shards/loader/loader.js"],
  ]);
  expect(text).toBe('export * from "cifar5m-shards/internal/shards/loader/loader";\n');
});
