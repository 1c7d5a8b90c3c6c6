import { sealJson } from "./canonical-json.ts";
import { commitFile, replaceBytes } from "./commit.ts";
import { type CommittedUnit, commitObjectUnit, examineUnit, type UnitCommit } from "./commit-object-unit.ts";
import { hashFile } from "./hash-file.ts";
import { objectsAt } from "./object-files.ts";
import { fileExists } from "./read-file.ts";
import { readReceipt, readReceiptIfAny, receiptFor, requireSameOrigin, writeReceipt } from "./receipt.ts";

/**
 * Does one unit: commits its data file, then its receipt.
 *
 * If another worker finished the unit first, its file and receipt are kept. A data file without a receipt was left by a
 * crash between the two commits. This call adopts it if it has the same bytes, and otherwise replaces it. A receipt whose
 * data somebody deleted, perhaps because it was damaged, stays while the data is made again, and is replaced if the new
 * data is other data: if it were removed, a slower worker could remove the new receipt of a faster one.
 * @param options.write - writes the data file and returns its number of rows; called at most once
 * @returns the receipt now in force, and whether this call made the unit
 * @throws Cifar5mError `unit/config-changed` if the other worker had another config or models; `disk/…`; what `write`
 *   throws
 */
export async function commitUnit(options: UnitCommit): Promise<CommittedUnit> {
  const { dataPath, receiptPath, origin, write } = options;
  const objects = objectsAt(dataPath);
  if (objects !== undefined) return await commitObjectUnit(objects, options);
  const { receipt: done, isWhole } = await examineUnit(options);
  if (done !== undefined && isWhole) return { receipt: done, outcome: "kept-existing" };
  const isLost = done !== undefined && !(await fileExists(dataPath));
  let rows = 0;
  const data = await commitFile(
    dataPath,
    async (sink) => {
      rows = await write(sink);
    },
    {
      onExisting: async (ours) => {
        // Another worker made the lost data meanwhile, and replaces the receipt.
        if (isLost) return "keep";
        const present = (await hashFile(dataPath)).sha256;
        const vouched = [ours.sha256, (await readReceiptIfAny(receiptPath))?.sha256];
        return vouched.includes(present) ? "keep" : "replace";
      },
    },
  );
  const receipt = receiptFor({ origin, rows, dataPath, receiptPath, ...data });
  const { outcome } = await writeReceipt(receiptPath, receipt);
  if (outcome === "committed") return { receipt, outcome };
  const theirs = await readReceipt(receiptPath);
  requireSameOrigin(receiptPath, theirs, origin);
  // The receipt vouches for bytes that no longer exist if they were lost. Two workers on different machines can make
  // different bytes, and our file may have replaced theirs before we could see their receipt. Then the receipt must be
  // made to agree with the data.
  if (theirs.sha256 !== receipt.sha256 && (await hashFile(dataPath)).sha256 === receipt.sha256) {
    await replaceBytes(receiptPath, sealJson(receipt));
    return { receipt, outcome: "committed" };
  }
  return { receipt: theirs, outcome: isLost ? data.outcome : outcome };
}
