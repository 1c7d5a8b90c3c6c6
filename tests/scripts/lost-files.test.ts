import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { damagedFileAdvice } from "../../core/damaged-file-advice.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { runBuild } from "../support/run-build.ts";
import { runInProcess } from "../support/run-in-process.ts";
import { standInRuntime } from "../support/stand-in-runtime.ts";

test("of a lost shard or model, the line says which file it is and how to get it back", async () => {
  const root = join(await makeTestFolder(), "run");
  await runBuild({ root, runtime: standInRuntime(), sources: {} });
  const shard = join(root, "dataset", "train", "part-00000.arrow");
  await rename(shard, `${shard}.away`);
  const to = join(root, "..", "exported");
  for (const args of [["inspect"], ["card"], ["export", "--format", "npz", "--to", to, "--quiet"]]) {
    const [command = "", ...options] = args;
    expect(await runInProcess([command, root, ...options]), command).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: `shard/missing: ${shard} is listed in the manifest but does not exist. ${damagedFileAdvice}\n`,
    });
  }
  await rename(`${shard}.away`, shard);

  const model = join(root, "models", "generator.safetensors");
  await rename(model, `${model}.away`);
  const verified = await runInProcess(["verify", root]);
  expect(verified).toMatchObject({ exitCode: 1, stdout: "" });
  expect(verified.stderr).toMatch(
    /^unit\/missing: .* is missing, its receipt says \d+ bytes\. Run `cifar5m repair` .*\n$/,
  );
  expect(verified.stderr).toContain(model);
  const again = await runInProcess(["regenerate", root, "--id", "1"]);
  expect(again).toMatchObject({ exitCode: 1, stdout: "" });
  expect(again.stderr).toMatch(
    /^unit\/missing: .* does not exist, its receipt says \d+ bytes\. `cifar5m repair` puts .*\n$/,
  );
  expect(await runInProcess(["repair", root, "--quiet"])).toMatchObject({ exitCode: 0 });
  expect((await runInProcess(["verify", root])).exitCode).toBe(0);
});

test("a lost receipt of a finished run is one to repair; a picture that cannot be drawn does not hide what a run holds", async () => {
  const root = join(await makeTestFolder(), "run");
  await runBuild({ root, runtime: standInRuntime(), sources: {} });
  const lose = (name: string) => rm(join(root, "receipts", `${name}.json`));
  await lose("train-generator/generator");
  await lose("publish/test-00000");
  const { stderr } = await runInProcess(["verify", root]);
  expect(stderr).toMatch(/^receipt\/missing: .*does not exist.*Run `cifar5m repair` to write it again\./m);
  expect(stderr).not.toContain("cifar5m build");
  expect(await runInProcess(["repair", root, "--quiet"])).toMatchObject({ exitCode: 0 });
  expect((await runInProcess(["verify", root])).exitCode).toBe(0);
  await lose("label/train-00000");
  expect((await runInProcess(["verify", root])).stderr).toMatch(/^receipt\/missing: .*`cifar5m repair` to write it/m);

  await mkdir(join(root, "contact-sheet.png", "in the way"), { recursive: true });
  const inspected = await runInProcess(["inspect", root]);
  expect(inspected).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/^no contact sheet: .*\n$/) });
  expect(inspected.stdout).toContain("publish");
});
