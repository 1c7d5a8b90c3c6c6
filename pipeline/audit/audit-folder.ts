import { join } from "node:path";
import { programVersion } from "../../core/program-version.ts";
import { readTable } from "../../shards/arrow/read-table-file.ts";
import type { TableInput, TableRows, TableSchema } from "../../shards/arrow/table-schema.ts";
import { writeTable } from "../../shards/arrow/write-table.ts";
import { commitUnit } from "../../storage/commit-unit.ts";
import { fileExists } from "../../storage/read-file.ts";
import { isUnitDone } from "../../storage/receipt.ts";

/** What a table is about. */
export interface TableUnit {
  readonly index: number;
  /** The base of its file names. */
  readonly name: string;
  /** First id; 0 for a table that is not about consecutive ids. */
  readonly idStart: number;
  /** One past the last id. */
  readonly idEnd: number;
}

/** Tables with the same columns. */
export interface AuditTables<Columns extends TableSchema> {
  /** Whether a unit's receipt and its table exist. @throws Cifar5mError `receipt/…` */
  isDone(unit: TableUnit): Promise<boolean>;
  /** Commits the table of a unit, then its receipt. */
  write(unit: TableUnit, rows: TableInput<Columns>): Promise<void>;
  /** @throws Cifar5mError `table/…`, `disk/…` */
  read(unit: TableUnit): Promise<TableRows<Columns>>;
}

/** Where the tables of an audit and their receipts are kept. */
export interface AuditFolder {
  /** The folders that files are committed into. */
  readonly directories: readonly string[];
  /** @param stage - what makes the tables; their receipts name it */
  tables<Columns extends TableSchema>(stage: string, columns: Columns): AuditTables<Columns>;
}

/**
 * @param root - the folder of all audits of a data set
 * @param hash - identifies the data set, the references, the choice of rows and the method
 */
export function auditFolder(root: string, hash: string): AuditFolder {
  const directory = join(root, hash.slice(0, 16));
  const receipts = join(directory, "receipts");
  const dataPath = (unit: TableUnit) => join(directory, `${unit.name}.arrow`);
  const receiptPath = (unit: TableUnit) => join(receipts, `${unit.name}.json`);
  return {
    directories: [directory, receipts],
    tables: (stage, columns) => ({
      isDone: async (unit) =>
        (await isUnitDone(receiptPath(unit), { configHash: hash })) && (await fileExists(dataPath(unit))),
      write: async (unit, rows) => {
        const { index, idStart, idEnd } = unit;
        await commitUnit({
          dataPath: dataPath(unit),
          receiptPath: receiptPath(unit),
          origin: { stage, unit: index, idStart, idEnd, configHash: hash, models: {}, createdBy: programVersion },
          write: (sink) => writeTable(sink, columns, [rows]),
        });
      },
      read: async (unit) => (await readTable(dataPath(unit), columns)).columns,
    }),
  };
}
