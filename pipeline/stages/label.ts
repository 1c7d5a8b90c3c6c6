import { imageBytes } from "../../core/image-layout.ts";
import type { Labeler } from "../../labeler/create-labeler.ts";
import type { CommitSink } from "../../storage/commit.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import { readModel } from "../models/models.ts";
import { inOrder } from "../run/in-order.ts";
import type { Run } from "../run/run.ts";
import { openOnce, type Stage, type StageContext, type UnitWork, unitStage } from "../run/stage.ts";
import { readSamples } from "../run/unit-files.ts";
import { unitRows } from "../run/units.ts";

/** Requests to the labeler at the same time, so that it does not wait while results are written. */
const requestsAtOnce = 2;

/** What a stage needs to label. */
export interface LabelOptions {
  readonly run: Run;
  readonly runtime: ModelRuntime;
  /** sha256 of `generator` and `labeler`. */
  readonly models: { readonly generator: string; readonly labeler: string };
}

/**
 * Labels the samples of a unit: float32, shape [unit size, 10], probabilities by class.
 * @throws Cifar5mError as `unitStage`; `receipt/missing` if a unit is not sampled; what the labeler throws
 */
export function labelStage(options: LabelOptions): Stage {
  const labeling = openLabeling(options);
  return unitStage({ ...labeling.work(), close: labeling.close });
}

/** Labeling of units with one labeler, which is opened when it is needed. */
export function openLabeling({ run, runtime, models }: LabelOptions): {
  readonly labeler: () => Promise<Labeler>;
  /** @param probabilities - those of the unit, if they are known; by default its samples are read and labeled */
  readonly work: (probabilities?: Float32Array) => UnitWork;
  readonly close: () => Promise<void>;
} {
  const labeler = openOnce<Labeler>(async () =>
    runtime.openLabeler(run.config, await readModel(run.folder, "labeler")),
  );

  const labelImages = async (images: Uint8Array, sink: CommitSink, { signal, count }: StageContext) => {
    const opened = await labeler.get();
    function* batches() {
      for (let start = 0; start < images.length; ) {
        signal.throwIfAborted();
        const batch = images.subarray(start, start + opened.batchSize * imageBytes);
        yield batch;
        start += batch.length;
      }
    }
    const labeled = inOrder({ items: batches(), atOnce: requestsAtOnce, work: (batch) => opened.label(batch) });
    for await (const probabilities of labeled) {
      await sink.write(bytesOf(probabilities));
      count("label/images", probabilities.length / 10);
    }
  };

  return {
    labeler: labeler.get,
    work: (probabilities) => ({
      name: "label",
      run,
      models: { generator: models.generator, labeler: models.labeler },
      pathOf: run.folder.probabilities,
      write: async (unit, sink, context) => {
        if (probabilities === undefined) await labelImages(await readSamples(run, unit), sink, context);
        else await sink.write(bytesOf(probabilities));
        return unitRows(unit);
      },
    }),
    close: labeler.close,
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
