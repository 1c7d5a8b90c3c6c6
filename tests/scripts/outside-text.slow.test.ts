import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readManifest, writeManifest } from "../../shards/format/manifest-file.ts";
import type { Manifest } from "../../shards/index.ts";
import { makeDataset, makeTestFolder } from "../support/make-rows.ts";
import { runCli } from "../support/run-cli.ts";
import { runInProcess } from "../support/run-in-process.ts";

const hostile = "\u001b[31mred\u0007\r\u202e";

/** A run with a published set whose manifest says something else. */
async function makeRun(change: Partial<Manifest>): Promise<string> {
  const root = await makeTestFolder();
  await makeDataset(join(root, "dataset"), { train: 20, test: 5, rowsPerShard: 20 });
  const { version: _, sha256: __, ...manifest } = await readManifest(join(root, "dataset"));
  await writeManifest(join(root, "dataset"), { ...manifest, ...change });
  return root;
}

const classNamed = (name: string) => [name, ...Array.from({ length: 9 }, (_, index) => `class ${index}`)];

/** Lines are ended by line breaks, and hold nothing else that a terminal obeys. */
function expectPlain(...outputs: readonly string[]): void {
  for (const output of outputs) {
    expect(output.replaceAll("\n", "")).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    for (const line of output.split("\n")) expect(line.length).toBeLessThan(3500);
  }
}

test("inspect prints and draws a set whose name and classes hold control characters", async () => {
  const root = await makeRun({ name: hostile.repeat(20_000), classNames: classNamed(hostile) });
  const { exitCode, stdout, stderr } = await runCli(["inspect", root]);
  expectPlain(stdout, stderr);
  expect(stdout).toContain("  \\u001b[31mred\\u0007\\u000d\\u202e ");
  expect(exitCode).toBe(0);
  expect((await readFile(join(root, "contact-sheet.png"))).subarray(1, 4).toString()).toBe("PNG");
});

test.each([
  ["a folder's name", ["inspect", "--run", `/nowhere/${hostile}`]],
  ["an option", ["build", "--run", "x", `--${hostile}`]],
  ["a value of 100,000 characters", ["build", "--run", "x", "--count", "9".repeat(50_000) + hostile]],
  ["a recipe", ["build", "--run", "x", "--recipe", `fast\n${hostile}`]],
  ["a command", [hostile]],
  ["an error's stack", ["inspect", "--verbose", "--run", `/nowhere/${hostile}`]],
])("%s with control characters is shown escaped", async (_, args) => {
  const { exitCode, stdout, stderr } = await runInProcess(args);
  expectPlain(stdout, stderr);
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain("\\u001b[31mred");
  if (!args.includes("--verbose")) expect(stderr.trimEnd().split("\n")).toHaveLength(1);
});

test("a config file's control characters come back from --dry-run as the JSON they were", async () => {
  const folder = await makeTestFolder();
  const device = `cpu\u009b${hostile}`;
  await writeFile(join(folder, "config.json"), JSON.stringify({ device }));
  const args = ["build", "--run", join(folder, "run"), "--config", join(folder, "config.json"), "--dry-run"];
  const { stdout } = await runCli(args);
  expectPlain(stdout);
  expect(JSON.parse(stdout).config.device).toBe(device);
});

test("a class that a spreadsheet would run as a formula is guarded in labels.csv, and its files are where it says", async () => {
  const root = await makeRun({ classNames: classNamed("=1+1") });
  const target = join(root, "export");
  const args = ["export", "--run", root, "--format", "png", "--to", target];
  expect(await runCli(args)).toMatchObject({ exitCode: 0 });
  const [, ...lines] = (await readFile(join(target, "train", "labels.csv"), "utf8")).trimEnd().split("\n");
  const guarded = lines.filter((line) => line.includes("=1+1"));
  expect(guarded.length).toBeGreaterThan(0);
  for (const line of guarded) {
    const [file, , className] = line.split(",");
    expect(className).toBe("'=1+1");
    expect(file).toMatch(/^\.\/=1\+1\//);
    expect((await readFile(join(target, "train", file!))).subarray(1, 4).toString()).toBe("PNG");
  }
  // Found whole, so that nothing is written again.
  expect(await runCli(args)).toMatchObject({ exitCode: 0 });
});
