import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pinModel } from "../../../pipeline/models/models.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { readPinnedConfig } from "../../../storage/pin-config.ts";
import { openTrainingStore, readTrainingLog } from "../../../storage/training-store.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";

const identityOf = (numImages: number) => ({ options: { numImages } });

test("a command with other options is refused and leaves the files of a running training as they are", async () => {
  const folder = runFolderAt(await makeTestFolder());
  const training = folder.training("generator");
  await pinModel(folder, "generator", identityOf(1000));
  const store = openTrainingStore(training);
  const log = (step: number) => store.log({ step, loss: 1, imagesPerSecond: 1 });
  await log(1);
  await store.save(Uint8Array.of(1), 1);
  await log(2);
  const filesOf = async () =>
    await Promise.all(
      (await readdir(training)).sort().map(async (name) => [name, await readFile(join(training, name))]),
    );
  const before = await filesOf();
  await errorOf(() => pinModel(folder, "generator", identityOf(500)), "run/config-changed");
  expect(await filesOf()).toEqual(before);
  await log(3);
  expect((await readTrainingLog(training)).map(({ step }) => step)).toEqual([1, 2, 3]);
});

test("options of a training without a checkpoint give way, whatever else its folder holds", async () => {
  const folder = runFolderAt(await makeTestFolder());
  await pinModel(folder, "labeler", identityOf(1000));
  await mkdir(folder.training("labeler"), { recursive: true });
  for (const name of ["log.jsonl", "checkpoint-1.safetensors"]) {
    await writeFile(join(folder.training("labeler"), name), "");
  }
  await pinModel(folder, "labeler", identityOf(500));
  expect(await readPinnedConfig(folder.modelConfig("labeler"))).toEqual(identityOf(500));
});
