import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { executionIdentity } from "../../engine/executor.ts";
import type { TuningMethod } from "../../generator/index.ts";
import { renderLossCurve } from "../../pictures/render-loss-curve.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { type Identity, readPinnedConfig, repinConfig } from "../../storage/pin-config.ts";
import { readWholeFile } from "../../storage/read-file.ts";
import { sha256 } from "../../storage/sha256.ts";
import { openTrainingStore, readTrainingLog } from "../../storage/training-store.ts";
import { hashOfCifar10 } from "../cifar-10/cifar-10-fingerprints.ts";
import { readFetchReceipts } from "../cifar-10/fetch.ts";
import { readCifar10 } from "../cifar-10/read-cifar-10.ts";
import { type Config, keysOutsideTheBytes, type TrainingSection, tuningSections } from "../run/config.ts";
import { omitKeys } from "../run/config-keys.ts";
import type { ModelName, RunFolder } from "../run/run-folder.ts";
import { shippedModel } from "../run/shipped-files.ts";
import type { StageContext } from "../run/stage.ts";
import { trainingCounter } from "../run/training-counter.ts";
import type { ModelRuntime, Tuning } from "./model-runtime.ts";
import { pinModel, readModelReceipt, trainingStageOf, writeModel } from "./models.ts";

/**
 * Trains a model on the run's CIFAR-10, or continues an interrupted training. A finished model is left alone.
 * @returns figures to show; empty if nothing was done
 * @throws Cifar5mError `run/config-changed`, `run/data-missing`, `run/not-rank-zero`, `train/finished` if more images
 *   are requested than the model has seen; what the training throws
 */
export async function trainModel(
  options: {
    readonly folder: RunFolder;
    readonly name: ModelName;
    readonly config: Config;
    readonly runtime: ModelRuntime;
    /** File of weights to start from. */
    readonly initialWeights?: string | undefined;
    /** How to tune these weights, a generator's, if they are to be tuned. */
    readonly tune?: TuningMethod | undefined;
    /** For adversarial tuning: file of the labeler whose features the discriminator sees; the package's by default. */
    readonly labeler?: string | undefined;
    /** Whether the learning rate of a generator's training falls from now on, so that the training ends soon. */
    readonly finish?: boolean | undefined;
  },
  context: StageContext,
): Promise<Readonly<Record<string, number>>> {
  const { folder, name, config, runtime, tune, finish = false } = options;
  const initialWeights = options.initialWeights === undefined ? undefined : await readWholeFile(options.initialWeights);
  const startsFrom = initialWeights === undefined ? {} : { initialWeights: sha256(initialWeights) };
  const tuning = tune === undefined ? undefined : await tuningOf(tune, options);
  const judgedBy = tuning?.method === "adversarial" ? { labeler: sha256(tuning.labeler) } : {};
  const section = tune === undefined ? name : tuningSections[tune];
  const identity: Identity = { ...(await trainingIdentity(folder, section, config)), ...startsFrom, ...judgedBy };
  const isFinished = (await readModelReceipt(folder, name)) !== undefined;
  const before = await pinnedImages(folder, name);
  const { numImages } = (identity["options"] ?? {}) as { readonly numImages?: number };
  let grows = before !== undefined && numImages !== undefined && numImages > before;
  if (grows && isFinished) {
    throw new Cifar5mError(
      "train/finished",
      `${folder.model(name)} is finished, after training for ${before} images, and ${numImages} are asked for. ` +
        "Leave the option out to keep it, or train it further in another run folder with --init.",
    );
  }
  if (!isFinished && context.rank !== 0) {
    throw new Cifar5mError(
      "run/not-rank-zero",
      `${folder.model(name)} must be trained first, by rank 0; this is rank ${context.rank}. Run \`cifar5m train ${name}\` once.`,
    );
  }
  const cifar10 = isFinished ? undefined : await readCifar10(folder.cifar10, config.recordsPerFile);
  if (cifar10 === undefined) {
    const { labeler: _, ...named } = identity;
    // The package's labeler may be another one by now.
    await pinModel(folder, name, await asFinished(folder, name, options.labeler === undefined ? named : identity));
    return {};
  }
  await pinModel(folder, name, grows ? withImages(identity, before!) : identity);
  const store = openTrainingStore(folder.training(name));
  const { batchSize } = config[section];
  const renderLoss = async () => {
    const lines = await readTrainingLog(folder.training(name));
    if (lines.length === 0) return;
    await replaceBytes(join(folder.training(name), "loss.png"), await renderLossCurve(lines, batchSize));
  };
  const training = runtime.train[name]({
    config,
    initialWeights,
    tune: tuning,
    finish,
    ...cifar10,
    store: {
      ...store,
      save: async (checkpoint, step) => {
        // The training must accept the request first.
        if (grows) await repinConfig(folder.modelConfig(name), identity);
        grows = false;
        await store.save(checkpoint, step);
        await renderLoss();
      },
    },
    saveGrid: async (png, step) => {
      await replaceBytes(join(folder.training(name), `grid-${String(step).padStart(9, "0")}.png`), png);
    },
    saveEma: async (weights, key, step) => {
      const average = join(folder.training(name), `ema-${key}.safetensors`);
      await replaceBytes(average, weights);
      const { stepsPerCheckpoint } = config[section === "labeler" ? "generator" : section];
      const [images, before] = [step * batchSize, (step - stepsPerCheckpoint) * batchSize];
      if (doublingsOf(images) === doublingsOf(before)) return;
      await replaceBytes(average.replace(/safetensors$/, `${String(images).padStart(9, "0")}.safetensors`), weights);
    },
    signal: context.signal,
    onProgress: trainingCounter(context, trainingStageOf(name)),
  });
  try {
    const { weights, figures } = await training;
    // Renders the loss once more, for a training that was interrupted after its last checkpoint.
    await renderLoss();
    await writeModel({ folder, name, bytes: weights, identity });
    return figures;
  } catch (thrown) {
    // Before the first checkpoint these options do not bind the run.
    if ((await store.load()) === undefined) await rm(folder.modelConfig(name), { force: true });
    throw thrown;
  }
}

async function tuningOf(
  method: TuningMethod,
  { labeler, config }: { readonly labeler?: string | undefined; readonly config: Config },
): Promise<Tuning> {
  if (method === "consistency") return { method };
  return { method, labeler: await readWholeFile(labeler ?? shippedModel("labeler", config)) };
}

/**
 * Number of times that the first 100,000 images have doubled. The weights at each doubling are kept, as guides and as a
 * record of the training.
 */
function doublingsOf(images: number): number {
  return images < 100_000 ? 0 : 1 + Math.floor(Math.log2(images / 100_000));
}

/**
 * Number of images that the training of a model is pinned to see; undefined for other models and before the training
 * began.
 */
async function pinnedImages(folder: RunFolder, name: ModelName): Promise<number | undefined> {
  const { options } = (await readPinnedConfig(folder.modelConfig(name))) ?? {};
  return (options as { readonly numImages?: number } | undefined)?.numImages;
}

/** The identity of a finished model, restricted to the options that both its release and this one have. */
async function asFinished(folder: RunFolder, name: ModelName, identity: Identity): Promise<Identity> {
  const pinned = (await readPinnedConfig(folder.modelConfig(name))) ?? identity;
  const shared = (section: string) => {
    const [then, now] = [pinned[section], identity[section]] as (Identity | undefined)[];
    if (then === undefined || now === undefined) return {};
    return { [section]: Object.fromEntries(Object.entries(then).map(([key, value]) => [key, now[key] ?? value])) };
  };
  const sections = ["options", ...Object.values(tuningSections)].map(shared);
  const labeler = identity["labeler"] ?? pinned["labeler"];
  return Object.assign({}, identity, labeler === undefined ? {} : { labeler }, ...sections);
}

function withImages(identity: Identity, numImages: number): Identity {
  return { ...identity, options: { ...(identity["options"] as object), numImages } };
}

/** Everything that determines the weights: the options, and the data by the hashes of its files. */
async function trainingIdentity(folder: RunFolder, section: TrainingSection, config: Config): Promise<Identity> {
  const receipts = await readFetchReceipts(folder);
  if (receipts === undefined) {
    throw new Cifar5mError(
      "run/data-missing",
      `${folder.cifar10} must hold CIFAR-10 with its receipts, and does not. Run \`cifar5m fetch --data DIR\` first.`,
    );
  }
  const options = omitKeys({ [section]: config[section] }, keysOutsideTheBytes)[section];
  return {
    ...executionIdentity(config),
    data: hashOfCifar10(receipts),
    [section === "generator" || section === "labeler" ? "options" : section]: options,
  };
}
