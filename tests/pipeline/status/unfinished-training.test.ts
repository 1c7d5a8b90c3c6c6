import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pinModel } from "../../../pipeline/models/models.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { findUnfinished } from "../../../pipeline/run/unfinished-training.ts";
import { openTrainingStore, withTraining } from "../../../storage/training-store.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { testContext } from "../../support/run-build.ts";
import { runInProcess } from "../../support/run-in-process.ts";

/** A run folder in which a training of the generator was interrupted. */
async function makeInterrupted(pinned: object = { options: { batchSize: 128, numImages: 5_000_000 } }) {
  const folder = runFolderAt(await makeTestFolder());
  await pinModel(folder, "generator", { device: "cpu", ...pinned });
  await openTrainingStore(folder.training("generator")).save(new Uint8Array(8), 100);
  return folder;
}

test("the status of a folder that has an unfinished training alone says how far it is and how it goes on", async () => {
  const folder = await makeInterrupted();
  const { exitCode, stdout } = await runInProcess(["status", folder.root]);
  expect(exitCode).toBe(0);
  expect(stdout).toContain(
    "training of the generator: unfinished, at 12,800 of 5,000,000 images. " +
      `Go on with \`cifar5m train generator ${folder.root}\` (with --finish, to end it soon)\n`,
  );
  await withTraining(folder.training("generator"), testContext(), async () => {
    expect((await runInProcess(["status", folder.root])).stdout).toContain("images. a process is at work on it\n");
    const { stdout: json } = await runInProcess(["status", folder.root, "--json"]);
    expect(JSON.parse(json)).toMatchObject({
      stages: [],
      trainings: [{ name: "generator", images: 12_800, imagesInAll: 5_000_000, isUnderWay: true }],
    });
  });
});

test.for([["build"], ["build", "--generator", "weights/generator.safetensors"], ["prepare"]])(
  "`%s` says that the training is unfinished, and pins nothing",
  async (words) => {
    const folder = await makeInterrupted();
    const [command = "", ...options] = words;
    const { exitCode, stderr } = await runInProcess([command, folder.root, "--count", "20", "--quiet", ...options]);
    expect(exitCode).toBe(2);
    expect(stderr).toBe(
      `train/unfinished: ${folder.training("generator")} holds an unfinished training, at 12,800 of 5,000,000 images, so no other ` +
        `generator can be brought in. Go on with \`cifar5m train generator ${folder.root}\` (with --finish, to end it soon), ` +
        "or name a new run folder with --run.\n",
    );
  },
);

test("`sample` names the training too, where no run was begun", async () => {
  const folder = await makeInterrupted();
  const { stderr } = await runInProcess(["sample", folder.root, "--quiet"]);
  expect(stderr).toMatch(/^run\/missing: .*unfinished training of the generator, at 12,800 of .*`cifar5m build`\.\n$/);
});

test("a tuning goes on with its method, and a model without its receipt is no unfinished training", async () => {
  const tuned = await makeInterrupted({ initialWeights: "0", tuning: { batchSize: 64, numImages: 1000 } });
  expect(await findUnfinished(tuned, "generator")).toMatchObject({
    images: 6400,
    command: `cifar5m train generator ${tuned.root} --init FILE --tune consistency`,
  });
  await mkdir(join(tuned.root, "models"), { recursive: true });
  await writeFile(tuned.model("generator"), "");
  expect(await findUnfinished(tuned, "generator")).toBeUndefined();
});
