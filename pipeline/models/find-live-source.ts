import { closeAll } from "../../core/close-all.ts";
import { closeOnError } from "../../core/close-on-error.ts";
import { cifar10ClassNames } from "../../core/image-layout.ts";
import type { LiveSource } from "../../shards/index.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { readRun } from "../run/run.ts";
import { type RunFolder, runFolderAt } from "../run/run-folder.ts";
import { requestOf } from "../run/sample-request.ts";
import { openOnce } from "../run/stage.ts";
import { openAutoBatchedSampler } from "./auto-batched-sampler.ts";
import type { ModelRuntime } from "./model-runtime.ts";
import { readModel, requireModel } from "./models.ts";
import { shippedRuntime } from "./shipped-runtime.ts";

/** A live source that holds models. The caller closes it. */
export interface OpenLiveSource extends LiveSource {
  readonly classNames: readonly string[];
  /** Hash of what determines its images: the run's configuration and models. */
  readonly fingerprint: string;
  close(): Promise<void>;
}

/** A live source that loads its models when they are needed first. */
export interface LazyLiveSource extends OpenLiveSource {
  /** Loads them now. @throws Cifar5mError `weights/…`, `model/…`, `engine/…` */
  load(): Promise<void>;
}

/**
 * A live source that knows its images and has not loaded its models.
 * @param root - the run folder
 * @throws Cifar5mError `run/missing`, `run/model-missing`, `unit/hash-mismatch`
 */
export async function findLiveSource(root: string): Promise<LazyLiveSource> {
  return await findLiveSourceWith(runFolderAt(root), shippedRuntime);
}

/** The same with other functions that open models. */
export async function findLiveSourceWith(source: RunFolder, runtime: ModelRuntime): Promise<LazyLiveSource> {
  const run = await readRun(source);
  const { folder, config, identity } = run;
  const hashes = {
    generator: await requireModel(folder, "generator"),
    labeler: await requireModel(folder, "labeler"),
  };
  const models = openOnce(async () => {
    const labelerWeights = await readModel(folder, "labeler");
    const sampler = await openAutoBatchedSampler(run, runtime, { search: false });
    const labeler = await closeOnError(sampler, () => runtime.openLabeler(config, labelerWeights));
    return { sampler, labeler, close: () => closeAll(sampler, labeler) };
  });
  return {
    classNames: cifar10ClassNames,
    fingerprint: hashConfig({ config: identity, ...hashes }),
    load: async () => {
      await models.get();
    },
    sample: async (ids) => {
      const { sampler, labeler } = await models.get();
      const request = requestOf(ids, config.sampler);
      const images = await sampler.sample(request);
      return { images, probabilities: await labeler.label(images), classes: request.classes };
    },
    close: models.close,
  };
}
