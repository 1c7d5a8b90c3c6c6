import { expect, test } from "vitest";
import { auditFolder } from "../../../pipeline/audit/audit-folder.ts";
import { auditColumns, toAuditRows } from "../../../pipeline/audit/audit-table.ts";
import { collectRows, reportedColumns } from "../../../pipeline/audit/collect-rows.ts";
import { allocateNearest } from "../../../pipeline/audit/nearest-references.ts";
import { planAudit } from "../../../pipeline/audit/plan-audit.ts";
import { codeLength } from "../../../pipeline/audit/shape-code.ts";
import type { Manifest } from "../../../shards/index.ts";
import { makeDataset, makeTestFolder, range } from "../../support/make-rows.ts";

test("a sample is of all rows of a set, also of those beyond 32 bits", () => {
  const rows = 5e8;
  const shard = (part: number) => ({ file: `part-${part}`, rows, idStart: part * rows, idEnd: (part + 1) * rows });
  const split = (count: number) => ({ rows: count * rows, shards: range(0, count).map(shard) });
  const manifest = { splits: { train: split(10), test: split(2) } } as unknown as Manifest;
  const units = planAudit(manifest, 1200, 3);
  expect(units.map(({ name }) => name)).toHaveLength(12);
  for (const { rows: chosen, numRows } of units) {
    expect(Math.abs(numRows - 100)).toBeLessThan(60);
    expect(new Set(chosen).size).toBe(numRows);
    expect(Math.max(...chosen!)).toBeLessThan(rows);
  }
});

test("the columns that are asked for follow each other unit by unit, and no other is held", async () => {
  const manifest = await makeDataset(await makeTestFolder(), { train: 20, test: 5, rowsPerShard: 8 });
  const files = auditFolder(await makeTestFolder(), "0".repeat(64));
  const tables = files.tables("audit", auditColumns);
  const units = planAudit(manifest, undefined, 0);
  let start = 0;
  for (const unit of units) {
    const rows = range(start, start + unit.numRows);
    start += unit.numRows;
    const found = allocateNearest(unit.numRows);
    found.codes.set(rows.flatMap((row) => new Array<number>(codeLength).fill(row)));
    found.train.index.set(rows.map((row) => 100 + row));
    found.test.copyResidual.set(rows.map((row) => row / 2));
    await tables.write(unit, toAuditRows(Float64Array.from(rows), found));
  }
  const all = range(0, 25);
  const codes = await collectRows(units, files, ["code"]);
  expect(Object.keys(codes)).toEqual(["code"]);
  expect([...codes.code]).toEqual(all.flatMap((row) => new Array<number>(codeLength).fill(row)));
  const reported = await collectRows(units, files, reportedColumns);
  expect(Object.keys(reported)).toEqual(Object.keys(auditColumns).filter((name) => name !== "code"));
  expect(reported.id).toEqual(Float64Array.from(all));
  expect(reported.trainIndex).toEqual(Float64Array.from(all, (row) => 100 + row));
  expect(reported.testCopyResidual).toEqual(Float32Array.from(all, (row) => row / 2));
});
