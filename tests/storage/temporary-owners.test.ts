import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, inject, onTestFinished, test } from "vitest";
import { sha256 } from "../../storage/sha256.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import { makeTestFolder } from "../support/make-rows.ts";

const inOwnNamespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] as const;
/** Like a container with a foreign /proc, whose process numbers mean other processes. */
const withForeignProc = ["unshare", "--pid", "--fork", "--kill-child"] as const;
const canUnshare = spawnSync(inOwnNamespace[0], [...inOwnNamespace.slice(1), "true"]).status === 0;

const moduleUrl = (name: string) => pathToFileURL(join(inject("compiledFolder"), "storage", name)).href;

/** A process that says what it did, line by line, and reads a line wherever its script says `await next()`. */
function start(script: string, prefix: readonly string[] = []) {
  const program = `
    import { createInterface } from "node:readline";
    const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    const next = () => lines.next();
    ${script}
    process.exit();`;
  const [command = "", ...args] = [...prefix, process.execPath, "--input-type=module", "-e", program];
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

const lineOf = (child: ChildProcess) =>
  new Promise<string>((resolve, reject) => {
    child.stdout?.once("data", (data) => resolve(String(data).trim()));
    child.once("exit", (code, signal) => reject(new Error(`ended with ${code ?? signal}`)));
  });

const writer = (path: string) => `
  const { commitFile } = await import(${JSON.stringify(moduleUrl("commit.js"))});
  const { outcome, sha256 } = await commitFile(${JSON.stringify(path)}, async (sink) => {
    await sink.write("half ");
    console.log("writing");
    await next();
    await sink.write("whole");
  });
  console.log(outcome, sha256);`;

const cleaner = (folder: string) => `
  const { removeStaleTemporaries } = await import(${JSON.stringify(moduleUrl("temporary-file.js"))});
  console.log(JSON.stringify(await removeStaleTemporaries(${JSON.stringify(folder)})));`;

test.skipIf(!canUnshare).each([
  ["one in a container and one outside", inOwnNamespace, []],
  ["one outside and one in a container", [], inOwnNamespace],
  ["two containers, where both are process number 1", inOwnNamespace, inOwnNamespace],
  ["containers without a /proc of their own", withForeignProc, withForeignProc],
] as const)("a starting worker leaves alone what another one writes: %s", async (_name, writerSide, cleanerSide) => {
  const folder = await makeTestFolder();
  const writing = start(writer(join(folder, "data.bin")), writerSide);
  expect(await lineOf(writing)).toBe("writing");
  const left = await readdir(folder);
  expect(await lineOf(start(cleaner(folder), cleanerSide))).toBe("[]");
  expect(await readdir(folder)).toEqual(left);
  writing.stdin?.write("go on\n");
  expect(await lineOf(writing)).toBe(`committed ${sha256("half whole")}`);
  expect(await readFile(join(folder, "data.bin"), "utf8")).toBe("half whole");
});

test("the next process removes the temporaries of a killed one", async () => {
  const folder = await makeTestFolder();
  const writing = start(writer(join(folder, "data.bin")));
  await lineOf(writing);
  const [left = ""] = await readdir(folder);
  expect(await removeStaleTemporaries(folder)).toEqual([]);
  const closed = new Promise((resolve) => writing.on("close", resolve));
  writing.kill("SIGKILL");
  await closed;
  expect(await removeStaleTemporaries(folder)).toEqual([left]);
});

test.skipIf(process.platform !== "linux")(
  "a process does not take the leftover of an earlier one of the same number for its own",
  async () => {
    const folder = await makeTestFolder();
    // It renames its own leftover to that of a process of the same number that started a moment earlier.
    const script = `
    import { rename, readdir, writeFile } from "node:fs/promises";
    const { nameTemporary, removeStaleTemporaries } = await import(${JSON.stringify(moduleUrl("temporary-file.js"))});
    const own = nameTemporary(${JSON.stringify(join(folder, "data.bin"))});
    const earlier = own.replace(/~(\\d+)\\.(\\d+)~/, (_, pid, start) => "~" + pid + "." + (start - 1) + "~");
    await writeFile(own, "");
    await writeFile(earlier, "");
    console.log((await removeStaleTemporaries(${JSON.stringify(folder)})).length, earlier !== own);`;
    expect(await lineOf(start(script))).toBe("1 true");
    expect(await readdir(folder)).toHaveLength(1);
  },
);

test("a thread leaves alone what another thread of its process writes", async () => {
  const folder = await makeTestFolder();
  const script = `
    import { Worker } from "node:worker_threads";
    const { commitFile } = await import(${JSON.stringify(moduleUrl("commit.js"))});
    const { outcome } = await commitFile(${JSON.stringify(join(folder, "data.bin"))}, async (sink) => {
      await sink.write("half ");
      const cleaner = new Worker(
        'import(${JSON.stringify(moduleUrl("temporary-file.js"))}).then(({ removeStaleTemporaries }) => ' +
          'removeStaleTemporaries(${JSON.stringify(folder)}))',
        { eval: true },
      );
      await new Promise((resolve, reject) => cleaner.on("error", reject).on("exit", resolve));
    });
    console.log(outcome);`;
  expect(await lineOf(start(script))).toBe("committed");
});
