import { imageBytes } from "../../core/image-layout.ts";
import type { Sampler } from "../../generator/sampling/denoiser-sampler.ts";
import { openAutoBatchedSampler } from "../models/auto-batched-sampler.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import { inOrder } from "../run/in-order.ts";
import type { Run } from "../run/run.ts";
import { requestFrom } from "../run/sample-request.ts";
import { openOnce, type Stage, type StageContext, type UnitWork, unitStage } from "../run/stage.ts";
import { type Unit, unitRows } from "../run/units.ts";
import { Turns } from "./turns.ts";

/** Requests to the sampler at the same time: while one is written, the device has another, and a third is next. */
const requestsAtOnce = 3;
/** While the last images of a unit are made and written, the next unit begins. */
export const unitsAtOnce = 2;

/** What a stage needs to sample. */
export interface SampleOptions {
  readonly run: Run;
  readonly runtime: ModelRuntime;
  /** sha256 of `generator`. */
  readonly models: { readonly generator: string };
}

/**
 * Generates the images of a unit: uint8, shape [unit size, 32, 32, 3]. The classes rotate with the id.
 * @throws Cifar5mError as `unitStage`; what the sampler throws
 */
export function sampleStage(options: SampleOptions): Stage {
  const sampling = openSampling(options);
  return unitStage({ ...sampling.work(), atOnce: unitsAtOnce, close: sampling.close });
}

/** Sampling of units with one sampler, which is opened when it is needed. */
export function openSampling({ run, runtime, models }: SampleOptions): {
  /** @param onImages - gets the images of the unit in order, a batch at a time, before they are written */
  readonly work: (onImages?: (images: Uint8Array) => Promise<void>) => UnitWork;
  readonly close: () => Promise<void>;
} {
  const sampler = openOnce<Sampler>(async () => openAutoBatchedSampler(run, runtime, { search: true }));
  const turns = new Turns();

  /** Requests all images of a unit, after those of the unit before. */
  async function* imagesOf(unit: Unit, { signal }: StageContext): AsyncGenerator<Uint8Array> {
    const opened = await sampler.get();
    const endTurn = await turns.begin();
    function* requests() {
      try {
        for (let start = unit.idStart; start < unit.idEnd; ) {
          signal.throwIfAborted();
          const numImages = Math.min(opened.batchSize, unit.idEnd - start);
          yield requestFrom(start, numImages, run.config.sampler);
          start += numImages;
        }
      } finally {
        endTurn();
      }
    }
    yield* inOrder({
      items: requests(),
      atOnce: requestsAtOnce,
      work: (request) => opened.sample(request),
    });
  }

  return {
    work: (onImages) => ({
      name: "sample",
      run,
      models: { generator: models.generator },
      pathOf: run.folder.samples,
      write: async (unit, sink, context) => {
        context.show("NFE", (await sampler.get()).nfe);
        for await (const images of imagesOf(unit, context)) {
          context.signal.throwIfAborted();
          await Promise.all([sink.write(images), onImages?.(images)]);
          context.count("sample/images", images.length / imageBytes);
        }
        return unitRows(unit);
      },
    }),
    close: sampler.close,
  };
}
