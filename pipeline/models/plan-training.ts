import { Cifar5mError } from "../../core/errors.ts";
import { executionIdentity } from "../../engine/executor.ts";
import type { TuningMethod } from "../../generator/index.ts";
import { impliedLabelerOptions, labelerIdentity } from "../../labeler/options.ts";
import { type Identity, readPinnedConfig } from "../../storage/pin-config.ts";
import { readWholeFile } from "../../storage/read-file.ts";
import { sha256 } from "../../storage/sha256.ts";
import { hashOfCifar10 } from "../cifar-10/cifar-10-fingerprints.ts";
import { requireCifar10 } from "../cifar-10/open-cifar-10.ts";
import { type Config, keysOutsideTheBytes, type TrainingSection, tuningSections } from "../run/config.ts";
import { omitKeys } from "../run/config-keys.ts";
import { modelConfigAdvice } from "../run/pinned-run.ts";
import type { ModelName, RunFolder } from "../run/run-folder.ts";
import { shippedModel } from "../run/shipped-files.ts";
import type { Tuning } from "./model-runtime.ts";
import { modelPath, readModelReceipt } from "./models.ts";

/** What to train, and from what. */
export interface TrainingRequest {
  readonly folder: RunFolder;
  readonly name: ModelName;
  readonly config: Config;
  /** File of weights to start from. */
  readonly initialWeights?: string | undefined;
  /** How to tune these weights, a generator's, if they are to be tuned. */
  readonly tune?: TuningMethod | undefined;
  /** For adversarial tuning: file of the labeler whose features the discriminator sees; the package's by default. */
  readonly labeler?: string | undefined;
}

/** A training that a run can do, or has done. */
export interface TrainingPlan {
  readonly initialWeights: Uint8Array | undefined;
  readonly tuning: Tuning | undefined;
  /** The section of the configuration that holds its options. */
  readonly section: TrainingSection;
  /** Everything that determines the weights, to be pinned when the training has accepted it. */
  readonly identity: Identity;
  /** What to pin before the training, or to compare with a finished model. */
  readonly pinnedFirst: Identity;
  /** Whether the training, which has begun, is to see more images than it was pinned to see. */
  readonly grows: boolean;
  /** Whether the run has the model. */
  readonly isFinished: boolean;
}

/**
 * Plans a training. Nothing is written.
 * @throws Cifar5mError `run/data-missing`, `train/finished` if more images are requested than a finished model has seen,
 *   or if the model was brought in; `disk/…`
 */
export async function planTraining(request: TrainingRequest): Promise<TrainingPlan> {
  const { folder, name, config, tune, labeler } = request;
  const isFinished = (await readModelReceipt(folder, name)) !== undefined;
  await requireTrainable(folder, name);
  const pinned = (await readPinnedConfig(folder.modelConfig(name), modelConfigAdvice)) ?? {};
  const initialWeights = request.initialWeights === undefined ? undefined : await readWholeFile(request.initialWeights);
  const startsFrom = initialWeights === undefined ? {} : { initialWeights: sha256(initialWeights) };
  const tuning = tune === undefined ? undefined : await tuningOf(tune, request);
  const judgedBy = tuning?.method === "adversarial" ? { labeler: sha256(tuning.labeler) } : {};
  const section = tune === undefined ? name : tuningSections[tune];
  const identity: Identity = { ...(await trainingIdentity(folder, section, config)), ...startsFrom, ...judgedBy };
  const numPinned = numImagesOf(pinned);
  const numImages = numImagesOf(identity);
  const grows = numPinned !== undefined && numImages !== undefined && numImages > numPinned;
  const plan = { initialWeights, tuning, section, identity, grows, isFinished };
  if (!isFinished) return { ...plan, pinnedFirst: grows ? withImages(identity, numPinned) : identity };
  if (grows) {
    throw new Cifar5mError(
      "train/finished",
      `${folder.model(name)} is finished, after training for ${numPinned} images, and ${numImages} are asked for. ` +
        "Leave the option out to keep it, or train it further in another run folder with --init.",
    );
  }
  const { labeler: _, ...named } = identity;
  // The package's labeler may be another one by now.
  return { ...plan, pinnedFirst: await asFinished(folder, name, labeler === undefined ? named : identity) };
}

/**
 * Refuses to train a model that the run has from elsewhere.
 * @throws Cifar5mError `train/finished`
 */
export async function requireTrainable(folder: RunFolder, name: ModelName): Promise<void> {
  if ((await readModelReceipt(folder, name)) === undefined) return;
  const pinned = await readPinnedConfig(folder.modelConfig(name), modelConfigAdvice);
  if (pinned?.["weights"] === undefined) return;
  throw new Cifar5mError(
    "train/finished",
    `${await modelPath(folder, name)} was brought in as it is, so this run trains no ${name}. Train one in another run ` +
      "folder; here, `cifar5m build` without --data uses what is there.",
  );
}

async function tuningOf(
  method: TuningMethod,
  { labeler, config }: { readonly labeler?: string | undefined; readonly config: Config },
): Promise<Tuning> {
  if (method === "consistency") return { method };
  return { method, labeler: await readWholeFile(labeler ?? shippedModel("labeler", config)) };
}

/** Number of images that a training sees, by its identity; undefined if the identity is of another kind. */
function numImagesOf({ options }: Identity): number | undefined {
  return (options as { readonly numImages?: number } | undefined)?.numImages;
}

function withImages(identity: Identity, numImages: number): Identity {
  return { ...identity, options: { ...(identity["options"] as object), numImages } };
}

/** The identity of a finished model, restricted to the options that both its release and this one have. */
async function asFinished(folder: RunFolder, name: ModelName, identity: Identity): Promise<Identity> {
  const pinned = (await readPinnedConfig(folder.modelConfig(name), modelConfigAdvice)) ?? identity;
  const shared = (section: string) => {
    const [then, now] = [pinned[section], identity[section]] as (Identity | undefined)[];
    if (then === undefined || now === undefined) return {};
    const kept = Object.entries(then).map(([key, value]) => [key, now[key] ?? impliedLabelerOptions[key] ?? value]);
    const added = Object.entries(now).filter(([key]) => key in impliedLabelerOptions);
    return { [section]: Object.fromEntries([...kept, ...added]) };
  };
  const sections = ["options", ...Object.values(tuningSections)].map(shared);
  const labeler = identity["labeler"] ?? pinned["labeler"];
  return Object.assign({}, identity, labeler === undefined ? {} : { labeler }, ...sections);
}

/** Everything that determines the weights: the options, and the data by the hashes of its files. */
async function trainingIdentity(folder: RunFolder, section: TrainingSection, config: Config): Promise<Identity> {
  const receipts = await requireCifar10(folder);
  const options = omitKeys({ [section]: config[section] }, keysOutsideTheBytes)[section];
  return {
    ...executionIdentity(config),
    data: hashOfCifar10(receipts),
    [section === "generator" || section === "labeler" ? "options" : section]:
      section === "labeler" ? labelerIdentity(options as Identity) : options,
  };
}
