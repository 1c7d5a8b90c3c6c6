import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { dirname, relative, sep } from "node:path";
import { sealJson } from "./canonical-json.ts";
import { type CommitSink, commitFile, replaceBytes } from "./commit.ts";
import { diskError } from "./disk-error.ts";
import {
  type Receipt,
  readReceipt,
  readReceiptIfAny,
  receiptVersion,
  requireSameOrigin,
  writeReceipt,
} from "./receipt.ts";
import { openForReading, refuseSpecial } from "./regular-file.ts";

/** The part of a receipt that is known before the data is written. */
export type UnitOrigin = Pick<Receipt, "stage" | "unit" | "idStart" | "idEnd" | "configHash" | "models" | "createdBy">;

/**
 * Does one unit: commits its data file, then its receipt.
 *
 * If another worker finished the unit first, its file and receipt are kept. A data file without a receipt was left by a
 * crash between the two commits. This call adopts it if it has the same bytes, and otherwise replaces it.
 * @param options.write - writes the data file and returns its number of rows; called once
 * @returns the receipt now in force, and whether this call wrote it
 * @throws Cifar5mError `unit/config-changed` if the other worker had another config or models; `disk/…`; what `write`
 *   throws
 */
export async function commitUnit(options: {
  readonly dataPath: string;
  readonly receiptPath: string;
  readonly origin: UnitOrigin;
  readonly write: (sink: CommitSink) => Promise<number> | number;
}): Promise<{ readonly receipt: Receipt; readonly outcome: "committed" | "kept-existing" }> {
  const { dataPath, receiptPath, origin, write } = options;
  let rows = 0;
  const done = await readReceiptIfAny(receiptPath);
  if (done !== undefined) {
    requireSameOrigin(receiptPath, done, origin);
    return { receipt: done, outcome: "kept-existing" };
  }
  const data = await commitFile(
    dataPath,
    async (sink) => {
      rows = await write(sink);
    },
    {
      onExisting: async (ours) =>
        (await hashFile(dataPath)).sha256 === ours.sha256 || (await readReceiptIfAny(receiptPath)) !== undefined
          ? "keep"
          : "replace",
    },
  );
  const receipt: Receipt = {
    version: receiptVersion,
    ...origin,
    rows,
    bytes: data.bytes,
    sha256: data.sha256,
    file: relative(dirname(receiptPath), dataPath).split(sep).join("/"),
  };
  const { outcome } = await writeReceipt(receiptPath, receipt);
  if (outcome === "committed") return { receipt, outcome };
  const theirs = await readReceipt(receiptPath);
  requireSameOrigin(receiptPath, theirs, origin);
  // Two workers on different machines can make different bytes. If our file replaced theirs before we could see their
  // receipt, their receipt vouches for bytes that no longer exist: we must make the receipt agree with the data.
  if (theirs.sha256 !== receipt.sha256 && (await hashFile(dataPath)).sha256 === receipt.sha256) {
    await replaceBytes(receiptPath, sealJson(receipt));
    return { receipt, outcome: "committed" };
  }
  return { receipt: theirs, outcome };
}

/**
 * sha256 and size of a file, which is read in pieces of 1 MiB.
 * @throws Cifar5mError `disk/…`
 */
export async function hashFile(path: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
  try {
    const handle = await open(path, openForReading);
    try {
      refuseSpecial(await handle.stat(), path);
      const hash = createHash("sha256");
      const piece = Buffer.allocUnsafe(1 << 20);
      let bytes = 0;
      for (;;) {
        const { bytesRead } = await handle.read(piece, 0, piece.length, bytes);
        if (bytesRead === 0) return { sha256: hash.digest("hex"), bytes };
        hash.update(piece.subarray(0, bytesRead));
        bytes += bytesRead;
      }
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    throw diskError(thrown, "read", path);
  }
}
