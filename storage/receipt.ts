import { dirname, relative, sep } from "node:path";
import * as z from "zod";
import { Cifar5mError, hasCode } from "../core/errors.ts";
import { shortHash } from "../core/format.ts";
import { parseJson } from "../core/parse-json.ts";
import { sealJson, unsealJson } from "./canonical-json.ts";
import { type Committed, commitBytes } from "./commit.ts";
import { readTextIfAny } from "./read-text.ts";
import { parseRecord, safeCount, sha256Text } from "./record-schema.ts";

/** The version this code writes, and the only one it reads. */
const receiptVersion = 1;

/** A receipt without its checksum. */
const receiptSchema = z.strictObject({
  version: z.literal(receiptVersion),
  /** The stage that did the unit: `sample`, `label`, … */
  stage: z.string().min(1),
  /** Index of the unit in its stage. */
  unit: safeCount,
  /** First sample id of the unit. */
  idStart: safeCount,
  /** One past its last sample id. */
  idEnd: safeCount,
  /** Rows in the data file; fewer than idEnd − idStart where some were dropped. */
  rows: safeCount,
  /** Size of the data file. */
  bytes: safeCount,
  sha256: sha256Text,
  /** The data file, relative to the receipt's folder, with forward slashes. */
  file: z.string().min(1),
  configHash: sha256Text,
  /** sha256 of every model the unit was made with, by name. */
  models: z.record(z.string(), sha256Text),
  /** Program and version. */
  createdBy: z.string().min(1),
});

/** The proof that a unit is done. It holds no times and no host names, so an interrupted build gives the same bytes. */
export type Receipt = Readonly<z.infer<typeof receiptSchema>>;

/** The part of a receipt that is known before the data is written. */
export type UnitOrigin = Pick<Receipt, "stage" | "unit" | "idStart" | "idEnd" | "configHash" | "models" | "createdBy">;

/** The receipt of data that was written. */
export function receiptFor(made: {
  readonly origin: UnitOrigin;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly dataPath: string;
  readonly receiptPath: string;
}): Receipt {
  const { origin, rows, bytes, sha256, dataPath, receiptPath } = made;
  const file = relative(dirname(receiptPath), dataPath).split(sep).join("/");
  return { version: receiptVersion, ...origin, rows, bytes, sha256, file };
}

/** The receipt in the note of an object; undefined if the note holds none that this release reads. */
export function receiptOfNote(note: string | undefined): Receipt | undefined {
  try {
    return receiptSchema.safeParse(parseJson(note ?? "")).data;
  } catch {
    return undefined;
  }
}

/**
 * Publishes a receipt, by the same atomic commit as data. A receipt that exists is kept.
 * @throws Cifar5mError `receipt/invalid`; `disk/…`
 */
export async function writeReceipt(path: string, receipt: Receipt): Promise<Committed> {
  return await commitBytes(path, sealJson(parseRecord(receiptSchema, receipt, "receipt", path, receiptVersion)));
}

/**
 * @param missing - what to do if there is none
 * @throws Cifar5mError `receipt/missing`, `receipt/invalid`, `receipt/version-unsupported`, `json/corrupt`, `disk/…`
 */
export async function readReceipt(path: string, missing = "Run its stage again."): Promise<Receipt> {
  const receipt = await readReceiptIfAny(path);
  if (receipt !== undefined) return receipt;
  throw new Cifar5mError("receipt/missing", `${path} does not exist, so its unit is not done. ${missing}`);
}

const remakeAdvice =
  "If the run is finished, `cifar5m repair` makes it again; if not, delete it and run again to do its unit anew.";

/**
 * The receipt, or undefined if there is none. Throws as `readReceipt`.
 * @param advice - what to do about a damaged one
 */
export async function readReceiptIfAny(path: string, advice = remakeAdvice): Promise<Receipt | undefined> {
  const text = await readTextIfAny(path);
  if (text === undefined) return undefined;
  return parseRecord(receiptSchema, unsealJson(text, path, advice), "receipt", path, receiptVersion, advice);
}

/**
 * Whether a unit is done, which means that its receipt exists. A data file without a receipt proves nothing, so it is
 * not examined.
 * @param expected - what this run would make the unit with; a receipt that names anything else is refused
 * @throws Cifar5mError `unit/config-changed` if the receipt has another config hash or other models; as `readReceipt`
 */
export async function isUnitDone(
  path: string,
  expected: Pick<Receipt, "configHash"> & Partial<Pick<Receipt, "models">>,
): Promise<boolean> {
  const receipt = await readReceiptIfAny(path);
  if (receipt === undefined) return false;
  requireSameOrigin(path, receipt, expected);
  return true;
}

/** @throws Cifar5mError `unit/config-changed` if the receipt has another config hash or other models */
export function requireSameOrigin(
  path: string,
  receipt: Receipt,
  expected: Pick<Receipt, "configHash"> & Partial<Pick<Receipt, "models">>,
): void {
  const refuse = (what: string, seen: string | undefined, wanted: string | undefined) => {
    const shown = (hash: string | undefined) => (hash === undefined ? "none" : shortHash(hash));
    throw new Cifar5mError(
      "unit/config-changed",
      `${path} was made with ${what} ${shown(seen)}, this run has ${shown(wanted)}. ` +
        "Use the config and models it was made with, or start a new run folder.",
    );
  };
  if (receipt.configHash !== expected.configHash) refuse("config", receipt.configHash, expected.configHash);
  if (expected.models === undefined) return;
  for (const name of new Set([...Object.keys(receipt.models), ...Object.keys(expected.models)])) {
    if (receipt.models[name] !== expected.models[name]) {
      refuse(`model ${name}`, receipt.models[name], expected.models[name]);
    }
  }
}

/**
 * The result of `read`, or undefined if the file is damaged. Other errors, such as an unsupported version, are thrown.
 */
export async function readUndamaged<Value>(read: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await read();
  } catch (thrown) {
    if (hasCode(thrown, "json/corrupt", "receipt/invalid", "manifest/invalid")) {
      return undefined;
    }
    throw thrown;
  }
}
