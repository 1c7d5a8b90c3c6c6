import { Cifar5mError } from "../../core/errors.ts";
import { shortHash } from "../../core/format.ts";
import { quoteWord } from "../../core/quote-word.ts";
import { readFileIfAny } from "../../storage/read-file.ts";
import { type Receipt, readReceipt } from "../../storage/receipt.ts";
import { sha256 } from "../../storage/sha256.ts";
import type { Run } from "./run.ts";
import type { ReceiptStage, RunFolder } from "./run-folder.ts";
import type { Unit } from "./units.ts";

/** The stages that make one file of each unit, in the order of the data. */
export const unitStages = ["sample", "label", "fingerprint", "dedup", "publish"] as const satisfies ReceiptStage[];
export type UnitStage = (typeof unitStages)[number];

/** The path of the file that a stage makes of a unit. */
export function dataFileOf({ folder }: Pick<Run, "folder">, stage: UnitStage, unit: Unit): string {
  const paths = {
    sample: folder.samples,
    label: folder.probabilities,
    fingerprint: folder.fingerprints,
    dedup: folder.removals,
    publish: folder.shard,
  } as const satisfies Record<UnitStage, (unit: Unit) => string>;
  return paths[stage](unit);
}

/** What to do where a unit lacks a stage: ``Run `cifar5m sample runs/mine` first.`` */
export function adviseStage({ root }: Pick<RunFolder, "root">, stage: ReceiptStage): string {
  // `label` makes fingerprints too, and `dedup` searches.
  const command = stage === "fingerprint" ? "label" : stage === "search" ? "dedup" : stage;
  return `Run \`cifar5m ${command} ${quoteWord(root)}\` first.`;
}

/**
 * Reads the bytes that an earlier stage made of a unit, and checks them against its receipt.
 * @throws Cifar5mError `receipt/missing`, `unit/missing`, `unit/hash-mismatch`, `disk/…`
 */
export async function readUnitFile(run: Run, stage: ReceiptStage, unit: Unit, path: string): Promise<Uint8Array> {
  const receiptPath = run.folder.receipt(stage, unit.name);
  const receipt = await readReceipt(receiptPath, adviseStage(run.folder, stage));
  return await readProvenFile(
    path,
    receipt,
    `If the run is finished, \`cifar5m repair\` makes it again; if not, delete ${receiptPath} and the file, if it is there, and run again.`,
  );
}

/**
 * Reads a file and checks it against its receipt.
 * @param advice - what to do if it is missing or another one
 * @throws Cifar5mError `unit/missing`, `unit/hash-mismatch`, `disk/…`
 */
export async function readProvenFile(path: string, receipt: Receipt, advice: string): Promise<Uint8Array> {
  const bytes = await readFileIfAny(path);
  if (bytes === undefined) {
    throw new Cifar5mError(
      "unit/missing",
      `${path} does not exist, its receipt says ${receipt.bytes} bytes. ${advice}`,
    );
  }
  const actual = sha256(bytes);
  if (actual === receipt.sha256) return bytes;
  throw new Cifar5mError(
    "unit/hash-mismatch",
    `${path} is sha256 ${shortHash(actual)}, its receipt says ${shortHash(receipt.sha256)}. ${advice}`,
  );
}

/** Reads the images of a unit: uint8, shape [unit size, 32, 32, 3]. */
export async function readSamples(run: Run, unit: Unit): Promise<Uint8Array> {
  return await readUnitFile(run, "sample", unit, run.folder.samples(unit));
}

/** Reads the class probabilities of a unit: float32, shape [unit size, 10]. */
export async function readProbabilities(run: Run, unit: Unit): Promise<Float32Array> {
  const bytes = await readUnitFile(run, "label", unit, run.folder.probabilities(unit));
  return new Float32Array(Uint8Array.from(bytes).buffer);
}
