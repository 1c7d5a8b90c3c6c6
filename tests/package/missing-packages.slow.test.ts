import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { CliResult } from "../support/run-cli.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** Optional packages, which npm may leave out, what is needed to set them up, and sharp, whose native part is one. */
const optional = ["onnxruntime-node", "sharp", "@tensorflow", "vega", "vega-lite", "node-api-headers", "@aws-sdk"];

let project: string;
let programs: string;

/** A project in which cifar5m is installed without any optional package. */
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "cifar5m-missing-"));
  programs = join(project, "programs");
  await mkdir(programs);
  const installed = join(project, "node_modules", "cifar5m");
  await mkdir(installed, { recursive: true });
  await cp(inject("compiledFolder"), join(installed, "dist"), { recursive: true });
  await cp(join(root, "package.json"), join(installed, "package.json"));
  await symlink(join(root, "weights"), join(installed, "weights"));
  for (const name of await readdir(join(root, "node_modules"))) {
    if (name.startsWith(".") || optional.includes(name)) continue;
    await symlink(join(root, "node_modules", name), join(project, "node_modules", name));
  }
});
afterAll(() => rm(project, { recursive: true, force: true }));

/** Runs the installed program, for which no other programs exist than those of the folder `programs`. */
function runInstalled(args: readonly string[], nodeOptions: readonly string[] = []): Promise<CliResult> {
  const cli = join(project, "node_modules", "cifar5m", "dist", "scripts", "cifar5m.js");
  const env = { ...process.env, PATH: programs, CXX: undefined };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [...nodeOptions, cli, ...args],
      { cwd: project, env },
      (_, stdout, stderr) => resolve({ exitCode: child.exitCode, stdout, stderr }),
    );
  });
}

/** Puts a program on the PATH that says something and fails. */
async function writeProgram(name: string, line: string): Promise<void> {
  await writeFile(join(programs, name), `#!/bin/sh\necho "${line}" >&2\nexit 1\n`);
  await chmod(join(programs, name), 0o755);
}

const small = ["--count", "10", "--test-count", "0", "--quiet"];

test.each([
  ["an engine", ["build", "run", ...small], /^engine\/not-installed: .*\. Run: npx cifar5m setup onnxruntime\.\n$/],
  ["charts", ["score-generator", "run"], /^chart\/no-vega: .*\. Install them: npm install vega@6 vega-lite@6\.\n$/],
  [
    "buckets",
    ["verify", "s3://bucket/set"],
    /^store\/no-s3-client: .*\. Install it: npm install @aws-sdk\/client-s3@3\.\n$/,
  ],
  [
    "a binding",
    ["setup", "tensorflow"],
    /^setup\/package-missing: @tensorflow\/tfjs-node must be installed, and is not\. /,
  ],
])("a command that needs %s says what to install, and leaves nothing behind", async (_, args, line) => {
  const { exitCode, stdout, stderr } = await runInstalled(args);
  expect(stderr).toMatch(line);
  expect(stderr.match(/\n/g)).toHaveLength(1);
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  expect(await readdir(project)).not.toContain("run");
});

test("what needs sharp says so in one line, and everything else works without it", async () => {
  const pictures = join(programs, "pictures", "cat");
  await mkdir(pictures, { recursive: true });
  await writeFile(join(pictures, "1.png"), "");
  const { exitCode, stderr } = await runInstalled(["import", "run", "--from", join(pictures, ".."), "--quiet"]);
  expect(stderr).toMatch(/^picture\/no-sharp: the package sharp must load .*\. Install it: npm install .*\n$/);
  expect(exitCode).toBe(1);
  for (const command of ["", "build", "sample", "train generator", "audit", "score", "experiment run"]) {
    const help = await runInstalled([...command.split(" ").filter(Boolean), "--help"]);
    expect([command, help.exitCode, help.stderr]).toEqual([command, 0, ""]);
  }
});

test("doctor ends with exit code 1 where no engine works, and says of each what to do", async () => {
  const { exitCode, stdout, stderr } = await runInstalled(["doctor", "--no-bench", "--quiet"]);
  expect(stderr).toMatch(/^doctor\/no-engine: no engine works here, see above\. .*\n$/);
  expect(stdout).toMatch(/✗ onnxruntime cpu .*Run: npx cifar5m setup onnxruntime\./);
  expect(stdout).not.toContain("✓");
  expect(exitCode).toBe(1);
});

test("setup onnxruntime says why npm could not install it", async () => {
  const none = await runInstalled(["setup", "onnxruntime"]);
  expect(none.stderr).toMatch(
    /^setup\/npm-failed: .* in \S+: there is no npm\. Check the network, then run again\.\n$/,
  );
  await writeProgram("npm", "npm error network request failed");
  const failed = await runInstalled(["setup", "onnxruntime"]);
  expect(failed.stderr).toMatch(/^setup\/npm-failed: .*: npm error network request failed\. Check the network.*\n$/);
  expect([none.exitCode, failed.exitCode]).toEqual([1, 1]);
});

const isSupported = process.platform === "linux" && process.arch === "x64";

test.runIf(isSupported)(
  "setup tensorflow says what is missing before it fetches anything, and changes nothing",
  async () => {
    const packages = join(project, "node_modules");
    const binding = join(packages, "@tensorflow", "tfjs-node");
    const writePackage = async (folder: string) => {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, "package.json"), '{ "main": "index.js" }');
      await writeFile(join(folder, "index.js"), 'exports.include_dir = "headers";');
    };
    await writePackage(binding);
    const before = await readdir(binding);
    const refused = async (line: RegExp, nodeOptions: readonly string[] = []) => {
      const { exitCode, stdout, stderr } = await runInstalled(["setup", "tensorflow", "--quiet"], nodeOptions);
      expect(stderr).toMatch(line);
      expect(stderr.match(/\n/g)).toHaveLength(1);
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
      expect(await readdir(binding)).toEqual(before);
    };
    const onMac = ["--import", 'data:text/javascript,Object.defineProperty(process, "platform", { value: "darwin" })'];
    await refused(/^setup\/unsupported: .* on Linux on x64 only, this is darwin on x64\. Use --device /, onMac);
    await refused(/^setup\/package-missing: node-api-headers must be installed .* Run `npm i node-api-headers`\.\n$/);
    await writePackage(join(packages, "node-api-headers"));
    await refused(/^setup\/no-compiler: the binding is compiled with c\+\+, which is not installed\. /);
    await writeProgram("c++", "no compiler");
    await refused(
      /^setup\/no-pip: tensorflow-cpu==\S+ is fetched with python3 and its pip, which are not installed\. /,
    );
    await writeProgram("python3", "/usr/bin/python3: No module named pip");
    await refused(/^setup\/no-pip: /);
    await writeProgram("python3", "ERROR: No matching distribution found.");
    await refused(
      /^setup\/download-failed: pip could not fetch \S+: No matching distribution found\. Check the network/,
    );
  },
);
