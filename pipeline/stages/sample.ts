import type { Sampler } from "../../generator/sampling/denoiser-sampler.ts";
import { openAutoBatchedSampler } from "../models/auto-batched-sampler.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import type { Run } from "../run/run.ts";
import { openOnce, type Stage, unitStage } from "../run/stage.ts";
import { conditioningClassOf, unitRows } from "../run/units.ts";

/**
 * Generates the images of a unit: uint8, shape [unit size, 32, 32, 3]. The classes rotate with the id.
 * @param options.models - sha256 of `generator`
 * @throws Cifar5mError as `unitStage`; what the sampler throws
 */
export function sampleStage(options: {
  readonly run: Run;
  readonly runtime: ModelRuntime;
  readonly models: { readonly generator: string };
}): Stage {
  const { run, runtime, models } = options;
  const sampler = openOnce<Sampler>(async () => openAutoBatchedSampler(run, runtime, { search: true }));
  return unitStage({
    name: "sample",
    run,
    models: { generator: models.generator },
    pathOf: run.folder.samples,
    close: sampler.close,
    write: async (unit, sink, context) => {
      const { batchSize, nfe } = await sampler.get();
      context.show("NFE", nfe);
      for (let start = unit.idStart; start < unit.idEnd; start += batchSize) {
        context.signal.throwIfAborted();
        const numImages = Math.min(batchSize, unit.idEnd - start);
        const ids = Float64Array.from({ length: numImages }, (_, index) => start + index);
        const classes = Int8Array.from(ids, (id) => conditioningClassOf(id, run.config.sampler));
        await sink.write(await (await sampler.get()).sample({ ids, classes }));
        context.count("sample/images", numImages);
      }
      return unitRows(unit);
    },
  });
}
