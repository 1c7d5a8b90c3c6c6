import { Cifar5mError } from "../../core/errors.ts";
import { programVersion } from "../../core/program-version.ts";
import { isDescribedOnnx } from "../../engine/onnx/onnx-description.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { commitUnit } from "../../storage/commit-unit.ts";
import { isBucket } from "../../storage/object-files.ts";
import { type Identity, pinConfig, readPinnedConfig, repinConfig } from "../../storage/pin-config.ts";
import { fileExists } from "../../storage/read-file.ts";
import { type Receipt, readReceiptIfAny, readUndamaged } from "../../storage/receipt.ts";
import { sha256 } from "../../storage/sha256.ts";
import { hasCheckpoint, requireNoTraining } from "../../storage/training-store.ts";
import { openCifar10Source } from "../cifar-10/cifar-10-fingerprints.ts";
import { modelConfigAdvice } from "../run/pinned-run.ts";
import type { Run } from "../run/run.ts";
import type { ModelName, RunFolder } from "../run/run-folder.ts";
import { adviseUnfinished, describeTrained, findUnfinished } from "../run/unfinished-training.ts";
import { readProvenFile } from "../run/unit-files.ts";

/** The stage whose receipt says that a model is finished. */
export function trainingStageOf(name: ModelName): "train-generator" | "train-labeler" {
  return name === "generator" ? "train-generator" : "train-labeler";
}

/**
 * Takes a model into a run, so that the run holds everything it was made with.
 * @param bytes - as `readModelFile` returns them
 * @throws Cifar5mError `run/config-changed` if the run has another model; `train/under-way`, `train/unfinished` if it is
 *   training one; `disk/…`
 */
export async function importModel(folder: RunFolder, name: ModelName, bytes: Uint8Array): Promise<void> {
  await requireNotInTraining(folder, name);
  await writeModel({ folder, name, bytes, identity: { weights: sha256(bytes) } });
}

/**
 * Refuses to bring in a model that a process is training, or has begun to train.
 * @throws Cifar5mError `train/under-way`, `train/unfinished`, `disk/…`
 */
export async function requireNotInTraining(folder: RunFolder, name: ModelName): Promise<void> {
  // Runs in buckets train nothing.
  if (isBucket(folder.root)) return;
  await requireNoTraining(folder.training(name));
  const training = await findUnfinished(folder, name);
  if (training === undefined) return;
  throw new Cifar5mError(
    "train/unfinished",
    `${folder.training(name)} holds an unfinished training, at ${describeTrained(training)}, so no other ${name} can be brought in. ` +
      `${adviseUnfinished(training)}, or name a new run folder with --run.`,
  );
}

/**
 * Takes the shipped model into a run that has none. A run keeps the one that it has: it was trained there, or a release
 * that shipped another began the run.
 */
export async function importShippedModel(folder: RunFolder, name: ModelName, bytes: Uint8Array): Promise<void> {
  const receipt = await readModelReceipt(folder, name);
  if (receipt === undefined || receipt.sha256 === sha256(bytes)) await importModel(folder, name, bytes);
}

/**
 * Writes a model into a run, with its receipt.
 * @param options.identity - what the model was made from; pinned beside it
 */
export async function writeModel(options: {
  readonly folder: RunFolder;
  readonly name: ModelName;
  readonly bytes: Uint8Array;
  readonly identity: Identity;
}): Promise<void> {
  const { folder, name, bytes, identity } = options;
  const stage = trainingStageOf(name);
  const configHash = await pinModel(folder, name, identity);
  await commitUnit({
    dataPath: folder.model(name, isDescribedOnnx(bytes) ? "onnx" : "safetensors"),
    receiptPath: folder.receipt(stage, name),
    origin: { stage, unit: 0, idStart: 0, idEnd: 0, configHash, models: {}, createdBy: programVersion },
    write: async (sink) => {
      await sink.write(bytes);
      return 0;
    },
  });
}

/**
 * Pins what a model is made from. If an earlier call ended before it made a checkpoint or the model, its values bind no
 * later call. A model that has lost its receipt binds: it may have taken days.
 * @returns the hash of the identity
 * @throws Cifar5mError `run/config-changed`, `disk/…`
 */
export async function pinModel(folder: RunFolder, name: ModelName, identity: Identity): Promise<string> {
  const path = folder.modelConfig(name);
  const pinned = await readPinnedConfig(path, modelConfigAdvice);
  const isAnother = pinned !== undefined && hashConfig(pinned) !== hashConfig(identity);
  if (isAnother && !(await hasBegun(folder, name))) await repinConfig(path, identity);
  return await pinConfig(path, identity);
}

async function hasBegun(folder: RunFolder, name: ModelName): Promise<boolean> {
  return (
    (await readModelReceipt(folder, name)) !== undefined ||
    (await hasCheckpoint(folder.training(name))) ||
    (await fileExists(await modelPath(folder, name)))
  );
}

/** Without its receipt, a model would be taken for what an interrupted call left, and be replaced. */
const receiptAdvice =
  "If the run is finished, `cifar5m repair` makes it again; if not, put it back from a copy, or name a new run folder and bring the model in with --generator or --labeler.";

/** The receipt of a model, or undefined if the run has none yet. */
export async function readModelReceipt(folder: RunFolder, name: ModelName): Promise<Receipt | undefined> {
  return await readReceiptIfAny(folder.receipt(trainingStageOf(name), name), receiptAdvice);
}

/** The path of the run's model: the one that its receipt names, or else the file that exists. */
export async function modelPath(folder: RunFolder, name: ModelName): Promise<string> {
  const receipt = await readUndamaged(() => readModelReceipt(folder, name));
  const onnx = folder.model(name, "onnx");
  const isOnnx = receipt?.file.endsWith(".onnx") ?? (await fileExists(onnx));
  return isOnnx ? onnx : folder.model(name);
}

/** sha256 of the run's model, according to its receipt. Throws as `requireReceipt`. */
export async function requireModel(folder: RunFolder, name: ModelName): Promise<string> {
  return (await requireReceipt(folder, name)).sha256;
}

/** Hashes of the run's models, according to their receipts. Throws as `requireModel`. */
export async function requireModels(
  folder: RunFolder,
): Promise<{ readonly generator: string; readonly labeler: string }> {
  return { generator: await requireModel(folder, "generator"), labeler: await requireModel(folder, "labeler") };
}

/** Hashes of everything that the shards of a run are made with, by the names in receipts and manifest. */
export async function hashesOfInputs({ folder, config }: Run): Promise<Readonly<Record<string, string>>> {
  const models = await requireModels(folder);
  return { ...models, "cifar-10": (await openCifar10Source(folder, config.recordsPerFile)).sha256 };
}

/**
 * Reads a model of the run: a safetensors file, or an ONNX file with its description inside.
 * @throws Cifar5mError `run/model-missing`, `unit/missing`, `unit/hash-mismatch`, `disk/…`
 */
export async function readModel(folder: RunFolder, name: ModelName): Promise<Uint8Array> {
  const receipt = await requireReceipt(folder, name);
  const advice = "`cifar5m repair` puts a shipped model back. Put another back from a copy, or start a new run folder.";
  return await readProvenFile(await modelPath(folder, name), receipt, advice);
}

async function requireReceipt(folder: RunFolder, name: ModelName): Promise<Receipt> {
  const receipt = await readModelReceipt(folder, name);
  if (receipt !== undefined) return receipt;
  throw new Cifar5mError(
    "run/model-missing",
    `${folder.model(name)} must exist with its receipt, and does not. ` +
      `\`cifar5m prepare\` brings the shipped model in, \`prepare --${name} FILE\` another one, \`cifar5m train ${name}\` trains one.`,
  );
}
