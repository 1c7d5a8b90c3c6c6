import { imageBytes } from "../../core/image-layout.ts";
import type { Labeler } from "../../labeler/create-labeler.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import { readModel } from "../models/models.ts";
import type { Run } from "../run/run.ts";
import { openOnce, type Stage, unitStage } from "../run/stage.ts";
import { readSamples } from "../run/unit-files.ts";
import { unitRows } from "../run/units.ts";

/**
 * Labels the samples of a unit: float32, shape [unit size, 10], probabilities by class.
 * @param options.models - sha256 of `generator` and `labeler`
 * @throws Cifar5mError as `unitStage`; `receipt/missing` if a unit is not sampled; what the labeler throws
 */
export function labelStage(options: {
  readonly run: Run;
  readonly runtime: ModelRuntime;
  readonly models: { readonly generator: string; readonly labeler: string };
}): Stage {
  const { run, runtime, models } = options;
  const labeler = openOnce<Labeler>(async () =>
    runtime.openLabeler(run.config, await readModel(run.folder, "labeler")),
  );
  return unitStage({
    name: "label",
    run,
    models: { generator: models.generator, labeler: models.labeler },
    pathOf: run.folder.probabilities,
    close: labeler.close,
    write: async (unit, sink, context) => {
      const images = await readSamples(run, unit);
      const { batchSize } = await labeler.get();
      for (let start = 0; start < unitRows(unit); start += batchSize) {
        context.signal.throwIfAborted();
        const batch = images.subarray(start * imageBytes, (start + batchSize) * imageBytes);
        const probabilities = await (await labeler.get()).label(batch);
        await sink.write(new Uint8Array(probabilities.buffer, probabilities.byteOffset, probabilities.byteLength));
        context.count("label/images", batch.length / imageBytes);
      }
      return unitRows(unit);
    },
  });
}
