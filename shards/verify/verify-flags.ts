import { shortHash } from "../../core/format.ts";
import { sha256 } from "../../storage/sha256.ts";
import { toByteSource } from "../arrow/byte-source.ts";
import { readColumn } from "../arrow/read-table.ts";
import { readTableLayout } from "../arrow/table-layout.ts";
import { flagColumns, flagNames, flagsName, flagsTableName, wrongTable } from "../format/flags.ts";
import type { ReadFlags, VerifiedDataset } from "./open-for-verification.ts";
import { type DatasetProblem, toProblem } from "./verify-shard.ts";

/**
 * Checks the flags beside a data set, by the rules of its readers. Those of a sample, or of another size of the set, are
 * refused by readers and no damage.
 */
export async function checkFlags(dataset: VerifiedDataset): Promise<DatasetProblem[]> {
  let flags: ReadFlags | undefined;
  try {
    flags = await dataset.readFlags();
  } catch (thrown) {
    return [toProblem(thrown, flagsName)];
  }
  if (flags === undefined) return [];
  try {
    checkTable(flags, dataset.pathOf(flagsTableName));
    return [];
  } catch (thrown) {
    return [toProblem(thrown, flagsTableName)];
  }
}

/** @throws Cifar5mError `flags/wrong-table`, `table/…` */
function checkTable({ entry, data }: ReadFlags, path: string): void {
  const hash = sha256(data);
  if (data.byteLength !== entry.bytes || hash !== entry.sha256) {
    const [seen, wanted] = [hash, entry.sha256].map(shortHash);
    throw wrongTable(
      path,
      `is ${data.byteLength} bytes with sha256 ${seen}, ${flagsName} says ${entry.bytes} and ${wanted}`,
    );
  }
  const source = toByteSource(data, path);
  const layout = readTableLayout(source, flagColumns);
  if (layout.rows !== entry.rows) throw wrongTable(path, `must hold ${entry.rows} rows, it holds ${layout.rows}`);
  for (const name of flagNames) {
    const bad = readColumn(source, flagColumns, name, layout).find((value) => value > 1);
    if (bad !== undefined) throw wrongTable(path, `must hold 0 or 1 in column ${name}, it holds ${bad}`);
  }
}
