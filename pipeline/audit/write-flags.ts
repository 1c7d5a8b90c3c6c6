import { join } from "node:path";
import { programVersion } from "../../core/program-version.ts";
import { writeTable } from "../../shards/arrow/write-table.ts";
import { flagColumns, flagsName, flagsTableName, flagsVersion } from "../../shards/format/flags.ts";
import type { Manifest } from "../../shards/index.ts";
import { sealJson } from "../../storage/canonical-json.ts";
import { replaceBytes, replaceFile } from "../../storage/commit.ts";
import type { ReportedRows } from "./audit-table.ts";
import type { RowFlagColumns } from "./decide-flags.ts";
import type { NearDuplicate } from "./near-duplicates.ts";

/**
 * Writes the flags beside the manifest: the table, then its description, by which loaders find it.
 * @throws Cifar5mError `disk/…`
 */
export async function writeFlags(options: {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly rows: ReportedRows;
  readonly flags: RowFlagColumns;
  readonly duplicates: readonly NearDuplicate[];
}): Promise<void> {
  const { directory, manifest, rows, flags, duplicates } = options;
  const duplicateOf = new Float64Array(rows.id.length).fill(-1);
  for (const { row, of } of duplicates) duplicateOf[row] = rows.id[of]!;
  const distances = (squared: Float64Array) =>
    Float32Array.from(squared, (value) => (value < 0 ? -1 : Math.sqrt(value)));
  const table = {
    id: rows.id,
    ...flags,
    trainIndex: rows.trainIndex,
    trainMirrored: rows.trainMirrored,
    trainDistance: distances(rows.trainSquared),
    trainSecondDistance: distances(rows.trainSecondSquared),
    testIndex: rows.testIndex,
    testMirrored: rows.testMirrored,
    testDistance: distances(rows.testSquared),
    testSecondDistance: distances(rows.testSecondSquared),
    duplicateOf,
  };
  const { bytes, sha256 } = await replaceFile(join(directory, flagsTableName), async (sink) => {
    await writeTable(sink, flagColumns, [table]);
  });
  const description = {
    version: flagsVersion,
    dataset: manifest.sha256,
    rows: rows.id.length,
    bytes,
    sha256,
    createdBy: programVersion,
  };
  await replaceBytes(join(directory, flagsName), sealJson(description));
}
