import { canonicalJson, sealJson } from "./canonical-json.ts";
import { replaceBytes } from "./commit.ts";
import type { CommitSink } from "./commit-sink.ts";
import type { ObjectFiles } from "./object-files.ts";
import { fileExists } from "./read-file.ts";
import {
  type Receipt,
  readReceipt,
  readReceiptIfAny,
  receiptFor,
  receiptOfNote,
  requireSameOrigin,
  type UnitOrigin,
  writeReceipt,
} from "./receipt.ts";
import { spool } from "./spool.ts";

/** A unit to commit, as `commitUnit` takes it. */
export interface UnitCommit {
  readonly dataPath: string;
  readonly receiptPath: string;
  readonly origin: UnitOrigin;
  /** Writes the data file and returns its number of rows; called once at most. */
  readonly write: (sink: CommitSink) => Promise<number> | number;
  /** Whether the data that a receipt is of is there and whole; by default whether its file exists. */
  readonly isWhole?: (receipt: Receipt) => Promise<boolean>;
}

/** The receipt now in force, and whether this call wrote the data that it is of. */
export interface CommittedUnit {
  readonly receipt: Receipt;
  readonly outcome: "committed" | "kept-existing";
}

/**
 * `commitUnit` for paths in a bucket. The data carries its receipt as a note, and data of this origin is never replaced. So
 * whoever finds data without a receipt, because its worker was killed between the two, adds the receipt of that very
 * data: the unit is neither made nor sent again, and no receipt can belong to other data.
 */
export async function commitObjectUnit(files: ObjectFiles, unit: UnitCommit): Promise<CommittedUnit> {
  const { dataPath, receiptPath, origin, write } = unit;
  const { receipt: done, isWhole } = await examineUnit(unit);
  if (done !== undefined && isWhole) return { receipt: done, outcome: "kept-existing" };
  const { receipt: left } = await findMade(files, unit);
  if (left !== undefined) return { receipt: await vouch(files, unit, left), outcome: "kept-existing" };
  let rows = 0;
  const data = await spool(async (sink) => {
    rows = await write(sink);
  });
  try {
    const receipt = receiptFor({ origin, rows, bytes: data.bytes, sha256: data.sha256, dataPath, receiptPath });
    for (;;) {
      const found = await findMade(files, unit);
      if (found.receipt !== undefined) {
        // After a lost reply, the other's data is our own.
        const outcome = found.receipt.sha256 === receipt.sha256 ? "committed" : "kept-existing";
        return { receipt: await vouch(files, unit, found.receipt), outcome };
      }
      const condition = found.version === undefined ? "if-absent" : { ifVersion: found.version };
      if (await files.write(dataPath, data, { condition, note: canonicalJson(receipt) })) {
        return { receipt: await vouch(files, unit, receipt), outcome: "committed" };
      }
    }
  } finally {
    await data.remove();
  }
}

/**
 * The receipt of a unit, and whether its data is whole.
 * @throws Cifar5mError `unit/config-changed` if the receipt is of another origin; as `readReceipt`
 */
export async function examineUnit({
  dataPath,
  receiptPath,
  origin,
  isWhole = () => fileExists(dataPath),
}: UnitCommit): Promise<{ readonly receipt: Receipt | undefined; readonly isWhole: boolean }> {
  const receipt = await readReceiptIfAny(receiptPath);
  if (receipt === undefined) return { receipt, isWhole: false };
  requireSameOrigin(receiptPath, receipt, origin);
  return { receipt, isWhole: await isWhole(receipt) };
}

/** The data that is there: its version, and its receipt if it is what this unit is made of. */
async function findMade(
  files: ObjectFiles,
  { dataPath, receiptPath, origin }: UnitCommit,
): Promise<{ readonly version: string | undefined; readonly receipt: Receipt | undefined }> {
  const found = await files.find(dataPath);
  const receipt = receiptOfNote(found?.note);
  const isOurs =
    receipt !== undefined &&
    found?.bytes === receipt.bytes &&
    canonicalJson({ ...receipt, ...origin }) === canonicalJson({ ...receipt, createdBy: origin.createdBy }) &&
    receipt.file === receiptFor({ ...receipt, origin, dataPath, receiptPath }).file;
  return { version: found?.version, receipt: isOurs ? receipt : undefined };
}

/** Writes the receipt of data that is there, unless another worker did. @returns the receipt in force */
async function vouch(files: ObjectFiles, unit: UnitCommit, receipt: Receipt): Promise<Receipt> {
  const { receiptPath, origin } = unit;
  const { outcome } = await writeReceipt(receiptPath, receipt);
  if (outcome === "committed") return receipt;
  const theirs = await readReceipt(receiptPath);
  requireSameOrigin(receiptPath, theirs, origin);
  if (theirs.sha256 === receipt.sha256) return theirs;
  // Somebody deleted the data between the two writes of a worker, and another made it again.
  const { receipt: present = receipt } = await findMade(files, unit);
  await replaceBytes(receiptPath, sealJson(present));
  return present;
}
