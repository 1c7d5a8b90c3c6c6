import { rename } from "node:fs/promises";
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
