import { join } from "node:path";
import { expect, test } from "vitest";
import { auditFolder } from "../../../pipeline/audit/audit-folder.ts";
import { duplicateColumns } from "../../../pipeline/audit/audit-table.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { makeUnit, type UnitWork } from "../../../pipeline/run/stage.ts";
import { planUnits } from "../../../pipeline/run/units.ts";
import { removeFile } from "../../../storage/file-facts.ts";
import { hashFile } from "../../../storage/hash-file.ts";
import { fileExists } from "../../../storage/read-file.ts";
import { readReceipt } from "../../../storage/receipt.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { mountMemoryBucket } from "../../support/memory-bucket.ts";
import { testContext } from "../../support/run-build.ts";

const [unit] = planUnits([{ count: 2, testCount: 0 }], 2) as [ReturnType<typeof planUnits>[number]];

/** A stage that writes a text. @param onWrite - called when it has begun to write */
function workIn(root: string, text: string, onWrite: () => Promise<void> = async () => undefined): UnitWork {
  const folder = runFolderAt(root);
  return {
    name: "sample",
    run: { folder, hash: "a".repeat(64) },
    models: {},
    pathOf: folder.samples,
    write: async (_, sink) => {
      await onWrite();
      await sink.write(text);
      return 2;
    },
  };
}

test("the receipt of lost data stays until the data is made again, and a slow worker's copy does not disturb a fast one's", async () => {
  for (const root of [join(await makeTestFolder(), "run"), mountMemoryBucket().root]) {
    for (const texts of [
      ["same", "same", "same"],
      ["first", "fast", "slow"],
    ] as const) {
      const [first, fast, slow] = texts;
      const { samples, receipt } = runFolderAt(root);
      const [dataPath, receiptPath] = [samples(unit), receipt("sample", unit.name)];
      await Promise.all([dataPath, receiptPath].map(removeFile));
      expect(await makeUnit(workIn(root, first), unit, testContext())).toBe("made");
      await removeFile(dataPath);
      const agree = async () => (await readReceipt(receiptPath)).sha256 === (await hashFile(dataPath)).sha256;
      const slowWork = workIn(root, slow, async () => {
        expect(await fileExists(receiptPath)).toBe(true);
        expect(await makeUnit(workIn(root, fast), unit, testContext())).toBe("made");
        expect(await agree()).toBe(true);
      });
      const outcome = await makeUnit(slowWork, unit, testContext());
      // In a bucket, the same bytes may be one's own after a lost reply.
      if (slow !== fast) expect(outcome).toBe("elsewhere");
      expect(await agree()).toBe(true);
      expect(await makeUnit(workIn(root, "never written"), unit, testContext())).toBe("kept");
    }
  }
});

test("asking for the table of an audit that was deleted leaves its receipt, and the table can be written again", async () => {
  const root = join(await makeTestFolder(), "audit");
  const files = auditFolder(root, "0".repeat(64));
  const tables = files.tables("audit-duplicates", duplicateColumns);
  const table = { index: 0, name: "duplicates-00000", idStart: 0, idEnd: 0 };
  const rowsOf = (row: number) => ({
    row: Float64Array.of(row),
    of: Float64Array.of(0),
    isMirrored: Uint8Array.of(0),
    residual: Float32Array.of(0),
  });
  await tables.write(table, rowsOf(1));
  const [folder, receipts] = files.directories;
  await removeFile(join(folder!, "duplicates-00000.arrow"));
  expect(await tables.isDone(table)).toBe(false);
  expect(await fileExists(join(receipts!, "duplicates-00000.json"))).toBe(true);
  await tables.write(table, rowsOf(2));
  expect([await tables.isDone(table), (await tables.read(table)).row[0]]).toEqual([true, 2]);
});
