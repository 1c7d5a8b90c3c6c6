import type { ByteSource } from "../arrow/byte-source.ts";
import { readColumn } from "../arrow/read-table.ts";
import { readTableLayout } from "../arrow/table-layout.ts";
import { type FlagName, flagColumns, wrongTable } from "../format/flags.ts";
import { type Manifest, type SplitName, splitNames } from "../format/manifest.ts";
import type { ShardSource } from "./shard-source.ts";

/** The values of some flags that rows must have. */
export type FlagFilter = Readonly<Partial<Record<FlagName, boolean>>>;

/** The ids of a split, and which of its rows the flags keep. */
export interface RowFlags {
  readonly ids: Float64Array;
  /** 1 for each row that is kept. */
  readonly isKept: Uint8Array;
}

/** What a data set's flags say of one split. */
export interface FlagsOfSplit extends RowFlags {
  /** Identifies the flags: sha256 of their table. */
  readonly sha256: string;
}

/**
 * Reads the flags beside a data set.
 * @throws Cifar5mError `flags/…`, `json/corrupt`, `table/…`, `disk/…`, `store/…`
 */
export async function readRowFlags(
  source: ShardSource,
  manifest: Manifest,
  split: SplitName,
  filter: FlagFilter,
  signal: AbortSignal,
): Promise<FlagsOfSplit> {
  const { file, sha256 } = await source.openFlags(manifest, signal);
  try {
    return { ...selectFlagged(file, manifest, split, filter), sha256 };
  } finally {
    file.close();
  }
}

function selectFlagged(file: ByteSource, manifest: Manifest, split: SplitName, filter: FlagFilter): RowFlags {
  const layout = readTableLayout(file, flagColumns);
  const starts = { train: 0, test: manifest.splits.train.rows };
  const total = splitNames.reduce((sum, name) => sum + manifest.splits[name].rows, 0);
  if (layout.rows !== total) throw wrongTable(file.path, `must hold ${total} rows, it holds ${layout.rows}`);
  const [start, end] = [starts[split], starts[split] + manifest.splits[split].rows];
  const columnOf = <Name extends keyof typeof flagColumns>(name: Name) =>
    readColumn(file, flagColumns, name, layout).subarray(start, end);
  const isKept = new Uint8Array(end - start).fill(1);
  for (const [name, wanted] of Object.entries(filter) as [FlagName, boolean][]) {
    const values = columnOf(name) as Uint8Array;
    const bad = values.findIndex((value) => value > 1);
    if (bad >= 0) throw wrongTable(file.path, `must hold 0 or 1 in column ${name}, it holds ${values[bad]}`);
    for (let row = 0; row < values.length; row++) if (values[row] !== Number(wanted)) isKept[row] = 0;
  }
  return { ids: columnOf("id") as Float64Array, isKept };
}
