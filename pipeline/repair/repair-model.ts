import { rm } from "node:fs/promises";
import { Cifar5mError } from "../../core/errors.ts";
import { shortHash } from "../../core/format.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { hashFile } from "../../storage/hash-file.ts";
import { readPinnedConfig } from "../../storage/pin-config.ts";
import { fileExists, readWholeFile } from "../../storage/read-file.ts";
import { readUndamaged } from "../../storage/receipt.ts";
import { sha256 } from "../../storage/sha256.ts";
import { modelPath, readModelReceipt, trainingStageOf, writeModel } from "../models/models.ts";
import { modelConfigAdvice } from "../run/pinned-run.ts";
import type { ModelName, RunFolder } from "../run/run-folder.ts";
import { shippedModels } from "../run/shipped-files.ts";

/**
 * Repairs a model. Shipped weights are restored from the package. A receipt is written again if the manifest confirms
 * the weights. Trained weights cannot be made again.
 * @param listed - sha256 of the model according to the manifest; undefined if there is none
 * @returns the files that were written
 * @throws Cifar5mError `repair/model-lost`, `run/model-missing`, `disk/…`
 */
export async function repairModel(folder: RunFolder, name: ModelName, listed: string | undefined): Promise<string[]> {
  const path = await modelPath(folder, name);
  const receiptPath = folder.receipt(trainingStageOf(name), name);
  const receipt = await readUndamaged(() => readModelReceipt(folder, name));
  const expected = receipt?.sha256 ?? listed;
  const written: string[] = [];
  if (expected === undefined) throw lost(receiptPath, "is missing or damaged, and no manifest says what it held");
  const found = (await fileExists(path)) ? (await hashFile(path)).sha256 : undefined;
  if (found !== expected) {
    const shipped = (await Promise.all(shippedModels(name).map(readWholeFile))).find(
      (file) => sha256(file) === expected,
    );
    if (shipped === undefined) throw lost(path, `must be sha256 ${shortHash(expected)}, and is not`);
    await replaceBytes(path, shipped);
    written.push(path);
  }
  if (receipt === undefined) {
    const identity = await readPinnedConfig(folder.modelConfig(name), modelConfigAdvice);
    if (identity === undefined) throw lost(folder.modelConfig(name), "is gone");
    await rm(receiptPath, { force: true });
    await writeModel({ folder, name, bytes: await readWholeFile(path), identity });
    written.push(receiptPath);
  }
  return written;
}

function lost(path: string, what: string): Cifar5mError {
  return new Cifar5mError(
    "repair/model-lost",
    `${path} ${what}. It was trained, so it cannot be made again: put the file back from a copy, then repair again.`,
  );
}
