import { closeOnError } from "../../core/close-on-error.ts";
import type { TableRows } from "../../shards/arrow/table-schema.ts";
import { splitNames } from "../../shards/format/manifest.ts";
import { type Manifest, openDataset, type SplitName } from "../../shards/index.ts";
import { openOnce, type StageContext } from "../run/stage.ts";
import type { Step } from "../run/step.ts";
import { shareOf } from "../run/units.ts";
import type { AuditFolder } from "./audit-folder.ts";
import { duplicateColumns } from "./audit-table.ts";
import { collectRows } from "./collect-rows.ts";
import { findNearDuplicates, mostSimilar, type NearDuplicate } from "./near-duplicates.ts";
import type { AuditUnit } from "./plan-audit.ts";
import { assignCells, type Cell, countCells } from "./similar-codes.ts";

/** Cells of a unit of work: some 4,000 rows. */
const cellsPerUnit = 2;

interface DuplicatesOptions {
  readonly directory: string;
  readonly manifest: Manifest;
  /** Those of the search, all of whose tables are there when the step begins. */
  readonly units: readonly AuditUnit[];
  readonly files: AuditFolder;
}

/**
 * Finds near-duplicates within the set. Each unit of cells leaves a table with its receipt. Several workers share them.
 * @param report - told what was found: of each row at most one pair, by rising row
 */
export function duplicatesStep(
  options: DuplicatesOptions,
  report: (duplicates: readonly NearDuplicate[]) => void,
): Step {
  const { units, files } = options;
  const numRows = units.reduce((sum, unit) => sum + unit.numRows, 0);
  return {
    name: "audit-duplicates",
    total: numRows,
    async *run(context) {
      const tables = files.tables("audit-duplicates", duplicateColumns);
      const cellUnits = Array.from({ length: Math.ceil(countCells(numRows) / cellsPerUnit) }, (_, index) => ({
        index,
        idStart: 0,
        idEnd: 0,
        name: `duplicates-${String(index).padStart(5, "0")}`,
      }));
      const opened = openOnce(() => openCells(options, context.signal));
      const countOf = (name: string) => (rows: number) => context.count(`audit-duplicates/${name}`, rows);
      let numCounted = 0;
      const { rank, worldSize, signal } = context;
      try {
        for (const unit of shareOf(cellUnits, { rank, worldSize, takeOver: true })) {
          signal.throwIfAborted();
          if (await tables.isDone(unit)) continue;
          const { codes, cells, readImages } = await opened.get();
          const own = cells.slice(unit.index * cellsPerUnit, (unit.index + 1) * cellsPerUnit);
          const count = (rows: number) => {
            numCounted += rows;
            countOf("images")(rows);
          };
          await tables.write(
            unit,
            toColumns(await findNearDuplicates({ codes, cells: own, readImages, signal, count })),
          );
          yield unit;
        }
      } finally {
        await opened.close();
      }
      countOf("kept")(numRows - numCounted);
      const found: NearDuplicate[][] = [];
      for (const unit of cellUnits) found.push(fromColumns(await tables.read(unit)));
      const pairs = found.flat();
      report(mostSimilar(pairs));
      yield pairs;
    },
  };
}

/** The codes of all rows, the cells, and a reader of images. */
async function openCells({ units, files, directory, manifest }: DuplicatesOptions, signal: StageContext["signal"]) {
  const { code } = await collectRows(units, files, ["code"]);
  const codes = new Int8Array(code.buffer, code.byteOffset, code.byteLength);
  const cells: readonly Cell[] = await assignCells(codes, signal);
  const splits = new Map<SplitName, Awaited<ReturnType<typeof openDataset>>>();
  const close = () => {
    for (const dataset of splits.values()) dataset.close();
  };
  await closeOnError({ close }, async () => {
    for (const split of splitNames) splits.set(split, await openDataset(directory, { split, memoryBytes: 0 }));
  });
  const numTrain = manifest.splits.train.rows;
  return {
    codes,
    cells,
    readImages: async (rows: readonly number[]) => {
      const train = await splits.get("train")!.readImages(rows.filter((row) => row < numTrain));
      const ofTest = rows.filter((row) => row >= numTrain).map((row) => row - numTrain);
      const test = await splits.get("test")!.readImages(ofTest);
      return Buffer.concat([train.images, test.images]);
    },
    close,
  };
}

function toColumns(pairs: readonly NearDuplicate[]) {
  return {
    row: Float64Array.from(pairs, ({ row }) => row),
    of: Float64Array.from(pairs, ({ of }) => of),
    isMirrored: Uint8Array.from(pairs, ({ isMirrored }) => Number(isMirrored)),
    residual: Float32Array.from(pairs, ({ residual }) => residual),
  };
}

function fromColumns(columns: TableRows<typeof duplicateColumns>): NearDuplicate[] {
  return Array.from(columns.row, (row, index) => ({
    row,
    of: columns.of[index]!,
    isMirrored: columns.isMirrored[index] === 1,
    residual: columns.residual[index]!,
  }));
}
