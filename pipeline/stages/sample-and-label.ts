import { closeAll } from "../../core/close-all.ts";
import { fingerprintBytes, fingerprintImages } from "../../core/image-fingerprint.ts";
import { imageBytes } from "../../core/image-layout.ts";
import { isUnitMade, makeUnit, type Stage, type StageContext, stageOf } from "../run/stage.ts";
import { openPace, type UnitPace } from "../run/unit-pace.ts";
import { type Unit, unitRows } from "../run/units.ts";
import type { NeedlessCheck } from "../run/units-to-do.ts";
import { fingerprintWork } from "./fingerprint.ts";
import { type LabelOptions, openLabeling } from "./label.ts";
import { openSampling, unitsAtOnce } from "./sample.ts";
import { StreamedLabels } from "./streamed-labels.ts";

/**
 * Samples, labels and fingerprints each unit in one pass: images go to the labeler as they are made, and are not read
 * again. The files and receipts are those of `sampleStage`, `labelStage` and `fingerprintStage`. Of a unit that was
 * sampled before, the samples are read.
 * @param options.isNeedless - tells whether deleted files need not be made again; fingerprints then come from the shard
 * @throws Cifar5mError as the three stages
 */
export function sampleAndLabelStage(options: LabelOptions & { readonly isNeedless: NeedlessCheck }): Stage {
  const { run, models, isNeedless } = options;
  const sampling = openSampling(options);
  const labeling = openLabeling(options);

  let pace: UnitPace | undefined;

  const make = async (unit: Unit, context: StageContext): Promise<void> => {
    pace ??= openPace({ stages: ["sample", "label"], folder: run.folder, deadlineMs: context.deadlineMs });
    const numImages = unitRows(unit);
    if (await isNeedless("sample", unit)) {
      if (await isNeedless("label", unit)) context.count("label/kept", numImages);
      else await makeUnit(labeling.work(), unit, context);
      if (!(await isNeedless("fingerprint", unit))) await makeUnit(fingerprintWork({ run, models }), unit, context);
      return;
    }
    const labels = (await isUnitMade(labeling.work(), unit))
      ? undefined
      : new StreamedLabels(await labeling.labeler(), numImages, (count) => context.count("label/images", count));
    const fingerprints = new Uint8Array(numImages * fingerprintBytes);
    let numSeen = 0;
    const onImages = async (images: Uint8Array) => {
      await labels?.add(images);
      fingerprints.set(fingerprintImages(images), numSeen * fingerprintBytes);
      numSeen += images.length / imageBytes;
    };
    try {
      const outcome = await makeUnit({ ...sampling.work(onImages), pace }, unit, context);
      // Another worker's images may differ from ours, so what we know of ours is not true of them.
      const isOurs = outcome === "made";
      await makeUnit(labeling.work(isOurs ? await labels?.finish() : undefined), unit, context);
      await makeUnit(fingerprintWork({ run, models, fingerprints: isOurs ? fingerprints : undefined }), unit, context);
    } finally {
      await labels?.drain();
    }
  };

  return stageOf({
    atOnce: unitsAtOnce,
    make,
    close: () => closeAll(sampling, labeling),
  });
}
