import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { resolveConfig } from "../../pipeline/run/config.ts";
import { openRun } from "../../pipeline/run/run.ts";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import type { Command } from "../../scripts/cli/command.ts";
import { flagGroups, flagsOf } from "../../scripts/cli/flags.ts";
import { loadCommands } from "../../scripts/commands.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { runInProcess } from "../support/run-in-process.ts";

let commands: readonly Command[];
beforeAll(async () => {
  commands = await loadCommands();
});

test("every command's help lists what it can use, common options first, and shows examples", async () => {
  for (const command of commands) {
    const { exitCode, stdout, stderr } = await runInProcess([...command.words, "--help"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).not.toMatch(/\S\[(default|boolean|choices|required)/);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    for (const { name, isHidden } of flagsOf(command)) {
      expect(new RegExp(`--${name.replaceAll(".", "\\.")} `).test(stdout), `${command.words} --${name}`).toBe(
        !isHidden,
      );
    }
    const groups = Object.values(flagGroups).filter((group) => stdout.includes(`\n${group}\n`));
    expect(groups.map((group) => stdout.indexOf(`\n${group}\n`))).toEqual(
      groups.map((group) => stdout.indexOf(`\n${group}\n`)).sort((a, b) => a - b),
    );
    expect(command.examples.length).toBeGreaterThan(0);
    for (const { line } of command.examples) expect(stdout).toContain(`  ${line}\n`);
  }
});

test("`help` before a command is `--help` after it", async () => {
  for (const words of [["build"], ["train", "generator"], ["train"], []]) {
    const helped = await runInProcess(["help", ...words]);
    expect(helped).toMatchObject({ exitCode: 0, stderr: "" });
    expect(helped).toEqual(await runInProcess([...words, "--help"]));
  }
});

test.each([
  ["help nonsense", "usage/wrong: Unknown command: nonsense. See --help."],
  ["nonsense --help", "usage/wrong: Unknown command: nonsense. See --help."],
  ["help buidl", "usage/wrong: Unknown command: buidl. Did you mean build? See --help."],
  ["help train genrator", "usage/wrong: Unknown command: genrator. Did you mean generator? See --help."],
])("no other help is shown in place of that of an unknown command: %s", async (line, error) => {
  expect(await runInProcess(line.split(" "))).toEqual({ exitCode: 2, stdout: "", stderr: `${error}\n` });
});

test("a command lists no option that it cannot use, and takes those that earlier releases listed", async () => {
  const { stdout } = await runInProcess(["inspect", "--help"]);
  expect(stdout).not.toMatch(/--(rank|world-size|config|dry-run|recipe|count)/);
  const root = join(await makeTestFolder(), "none");
  const { stderr } = await runInProcess(["inspect", root, "--rank", "0", "--world-size", "2"]);
  expect(stderr).toMatch(/^run\/missing: /);
});

test("inspect, verify and status take the options that the run was begun with, and no others", async () => {
  const root = join(await makeTestFolder(), "run");
  await openRun(runFolderAt(root), resolveConfig({ count: 20, testCount: 0 }));
  for (const command of ["inspect", "verify", "status"]) {
    const other = await runInProcess([command, root, "--count", "30"]);
    expect(other.stderr).toMatch(/^run\/config-changed: .*count is 20, now 30\. /);
    const same = await runInProcess([command, root, "--count", "20", "--test-count", "0"]);
    expect(same.stderr).not.toMatch(/^(usage|run)\//);
  }
});

test("every example is a command line that the program takes", async () => {
  // Here, runs/mine is a run of somebody's.
  const home = process.cwd();
  process.chdir(await makeTestFolder());
  onTestFinished(() => process.chdir(home));
  for (const { target, examples } of commands) {
    for (const { line } of examples) {
      const args = line.split(" ").slice(1);
      const { stderr } = await runInProcess([...args, target === "none" ? "--help" : "--dry-run"]);
      // The folders and the data of examples are not there.
      expect(stderr, line).not.toMatch(/^(config|usage)\//);
      expect(stderr).not.toContain("unexpected");
    }
  }
});

test("a shell completes commands, flags and choices, and is offered nothing hidden", async () => {
  const complete = async (...words: string[]) =>
    (await runInProcess(["--get-yargs-completions", "cifar5m", ...words])).stdout
      .split("\n")
      .map((line) => line.split(":")[0]);
  expect(await complete("bu")).toContain("build");
  const flags = await complete("inspect", "--");
  expect(flags).toEqual(expect.arrayContaining(["--run", "--json"]));
  expect(flags).not.toContain("--rank");
  expect(await complete("export", "--format", "")).toEqual(expect.arrayContaining(["npz", "parquet"]));
  expect((await runInProcess(["completion"])).stdout).toContain("begin-cifar5m-completions");
});
