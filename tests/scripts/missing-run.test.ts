import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { resolveConfig } from "../../pipeline/run/config.ts";
import { openRun } from "../../pipeline/run/run.ts";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import { writeReceipt } from "../../storage/receipt.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { runInProcess } from "../support/run-in-process.ts";

test.for([...["sample", "label", "dedup", "publish", "finish", "status", "verify", "repair", "regenerate --id 1"]])(
  "`%s` of a misspelled folder says that no run is there, names build, and leaves nothing",
  async (line) => {
    const root = join(await makeTestFolder(), "misspelled");
    const [command = "", ...options] = line.split(" ");
    const { exitCode, stdout, stderr } = await runInProcess([command, root, ...options, "--quiet"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toBe(
      `run/missing: ${join(root, "run.json")} must exist, and does not. Name the folder of a run, or begin one with ` +
        "`cifar5m build` (`cifar5m prepare` to go stage by stage).\n",
    );
    expect(existsSync(root)).toBe(false);
  },
);

test.for([...["card", "audit", "score", "serve --port 0", "export --format npz --to exported"]])(
  "`%s` tells what is not a data set from a run that is not published yet",
  async (line) => {
    const root = await makeTestFolder();
    const [command = "", ...options] = line.split(" ");
    const given = options.map((option) => (option === "exported" ? join(root, option) : option));
    const none = await runInProcess([command, join(root, "none"), ...given]);
    expect(none).toEqual({
      exitCode: 1,
      stdout: "",
      stderr:
        `manifest/missing: ${join(root, "none")} must be a data set folder, with a manifest.json, or a run with a published data set, ` +
        "and is neither. Check the path, or begin a run with `cifar5m build`.\n",
    });
    // The page of `serve` shows how far such a run is.
    if (command === "serve") return;
    await openRun(runFolderAt(root), resolveConfig({ count: 20 }));
    const unpublished = await runInProcess([command, root, ...given]);
    expect(unpublished).toEqual({
      exitCode: 1,
      stdout: "",
      stderr:
        `manifest/missing: ${root} is a run whose data set is not published yet. Publish it with \`cifar5m build\`, which makes ` +
        "what is missing, or with `cifar5m publish` if nothing is; an imported set with `cifar5m import`.\n",
    });
  },
);

test.for(["list", "run", "compare", "report"])(
  "`experiment %s` says that a folder has no experiment, and how to begin one",
  async (word) => {
    const root = join(await makeTestFolder(), "none");
    const { exitCode, stdout, stderr } = await runInProcess(["experiment", word, root, "--quiet"]);
    // There may be no results yet.
    expect({ exitCode, stdout }).toEqual({ exitCode: stderr.startsWith("experiment/missing") ? 2 : 1, stdout: "" });
    expect(stderr).toMatch(
      /^experiment\/(missing|no-results): .*must exist, and does not: .*`cifar5m experiment run FILE\.json FOLDER`\.\n$/,
    );
    expect(existsSync(root)).toBe(false);
  },
);

test("of a damaged file `verify` says what makes it again: while the run is unfinished, a build", async () => {
  const root = await makeTestFolder();
  const run = await openRun(runFolderAt(root), resolveConfig({ count: 20, testCount: 0, unitSize: 10 }));
  const { name, number, idStart, idEnd } = run.units[1]!;
  const receipt = run.folder.receipt("sample", name);
  const rows = idEnd - idStart;
  await writeReceipt(receipt, {
    ...{ version: 1, stage: "sample", unit: number, idStart, idEnd, rows, bytes: rows * 3072, sha256: "0".repeat(64) },
    ...{ file: "../../samples/train-00001.u8", configHash: run.hash, models: {}, createdBy: "cifar5m" },
  });
  await mkdir(join(root, "samples"), { recursive: true });
  await writeFile(run.folder.samples(run.units[1]!), "cut");
  const { stderr } = await runInProcess(["verify", root]);
  expect(stderr).toContain(
    `unit/size-mismatch: ${join(root, "samples", "train-00001.u8")} is 3 bytes, its receipt says 30720. ` +
      `Delete ${receipt}, and the file if it is there, and run \`cifar5m build\` again.\n`,
  );
});

test("`verify` sums up the receipts that an unfinished run does not have yet; its report has all of them", async () => {
  const root = await makeTestFolder();
  await openRun(runFolderAt(root), resolveConfig({ count: 200, testCount: 0, unitSize: 10 }));
  const { exitCode, stderr } = await runInProcess(["verify", root]);
  expect(exitCode).toBe(1);
  const lines = stderr.trim().split("\n");
  expect(lines.filter((line) => line.startsWith("receipt/missing: "))).toEqual([
    `receipt/missing: ${join(root, "receipts", "train-generator", "generator.json")} does not exist, so its unit is not done. ` +
      "Run `cifar5m build` again to go on. (101 more receipts are missing: `cifar5m status` counts what is done.)",
  ]);
  expect(lines.length).toBeLessThan(5);
  const { problems } = JSON.parse((await runInProcess(["verify", root, "--json"])).stdout);
  expect(problems.filter(({ code }: { code: string }) => code === "receipt/missing")).toHaveLength(2 + 5 * 20);
});
