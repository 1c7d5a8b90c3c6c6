import { plantCopies } from "../../pipeline/audit/planted-copies.ts";
import { fetchCifar10 } from "../../pipeline/cifar-10/fetch.ts";
import { importModel } from "../../pipeline/models/models.ts";
import { type PartialConfig, resolveConfig } from "../../pipeline/run/config.ts";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import type { StageContext } from "../../pipeline/run/stage.ts";
import type { StepOptions } from "../../pipeline/run/step.ts";
import { firstTestId } from "../../pipeline/run/units.ts";
import { stepsOf } from "./grow-set.ts";
import { noiseBytes } from "./make-cifar-10.ts";
import { runSteps, testContext } from "./run-build.ts";
import { smoothImages } from "./smooth-images.ts";
import { mirrored, standInRuntime } from "./stand-in-runtime.ts";
import { writeCifar10 } from "./write-cifar-10.ts";

/** Records of each file of a CIFAR-10 of smooth images, which near-copies can be told from. */
const records = 20;
const reference = smoothImages(6 * records, "reference");
const trainImage = (index: number) => reference[index]!;
const testImage = (index: number) => reference[5 * records + index]!;

/** Writes that CIFAR-10. */
export async function writeSmoothCifar10(folder: string): Promise<void> {
  await writeCifar10(folder, reference, records);
}

/** What a generator that memorizes makes: id, image, why it is removed, and of what it is a copy. */
export async function memorizedImages() {
  const copyOf = async (image: Uint8Array, kind: Parameters<typeof plantCopies>[1]) =>
    new Uint8Array(await plantCopies(image, kind));
  // Between a near-copy and the second nearest image.
  const noise = noiseBytes("memorized", 3072);
  const memorized = trainImage(40).map((value, k) => Math.min(255, Math.max(0, value + (noise[k]! - 128) * 0.42)));
  const shifted = await copyOf(trainImage(17), "shifted");
  return [
    { id: 3, image: shifted, reason: "near-copy-of-cifar10-train", partner: 17, mirrored: false },
    { id: 5, image: trainImage(20), reason: "duplicate-of-cifar10-train", partner: 20, mirrored: false },
    { id: 8, image: memorized, reason: "memorized-from-cifar10-train", partner: 40, mirrored: false },
    // A copy of an image that is left out has the reason of that image.
    { id: 14, image: mirrored(shifted), reason: "near-copy-of-cifar10-train", partner: 17, mirrored: true },
    {
      id: firstTestId + 2,
      image: mirrored(await copyOf(testImage(4), "jpeg-90")),
      ...{ reason: "leak-from-cifar10-test", partner: 4, mirrored: true },
    },
  ] as const;
}

/** Options of a run that leaves out near-copies, with models that make these images. */
export async function droppingOptions(
  root: string,
  keys: PartialConfig,
  { delayMs = 0, planted }: { readonly delayMs?: number; readonly planted?: ReadonlyMap<number, Uint8Array> } = {},
): Promise<StepOptions> {
  const images = planted ?? new Map((await memorizedImages()).map(({ id, image }) => [id, image]));
  const common = { count: 20, testCount: 6, unitSize: 4, recordsPerFile: records, sampler: { batchSize: 4 } };
  const config = resolveConfig({ ...common, dropNearCopies: true, ...keys });
  return { folder: runFolderAt(root), config, runtime: standInRuntime({ planted: images, delayMs }), takeOver: true };
}

/** Puts the models and CIFAR-10 into a run, if they are not there, and makes its set. */
export async function makeSet(
  options: StepOptions,
  data: string,
  context: StageContext = testContext(),
): Promise<void> {
  const { folder, config } = options;
  for (const name of ["generator", "labeler"] as const) await importModel(folder, name, Buffer.from("weights"));
  for await (const _ of fetchCifar10({ folder, data, recordsPerFile: config.recordsPerFile }, context));
  await runSteps(stepsOf(options), context);
}
