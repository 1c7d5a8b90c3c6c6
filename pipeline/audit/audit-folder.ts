import { rm } from "node:fs/promises";
import { join } from "node:path";
import { programVersion } from "../../core/program-version.ts";
import { readTable } from "../../shards/arrow/read-table-file.ts";
import { writeTable } from "../../shards/arrow/write-table.ts";
import { commitUnit } from "../../storage/commit-unit.ts";
import { fileExists } from "../../storage/read-file.ts";
import { isUnitDone } from "../../storage/receipt.ts";
import { type AuditRows, auditColumns, toAuditRows } from "./audit-table.ts";
import type { NearestReferences } from "./nearest-references.ts";
import type { AuditUnit } from "./plan-audit.ts";

/** Where the tables of an audit and their receipts are kept. */
export interface AuditFolder {
  /** The folders that files are committed into. */
  readonly directories: readonly string[];
  /** Whether a unit's receipt and its table exist. @throws Cifar5mError `receipt/…` */
  isDone(unit: AuditUnit): Promise<boolean>;
  /** Commits the table of a unit, then its receipt. */
  write(unit: AuditUnit, ids: Float64Array, found: NearestReferences): Promise<void>;
  /** @throws Cifar5mError `table/…`, `disk/…` */
  read(unit: AuditUnit): Promise<AuditRows>;
}

/**
 * @param root - the folder of all audits of a data set
 * @param hash - identifies the data set, the references, the choice of rows and the method
 */
export function auditFolder(root: string, hash: string): AuditFolder {
  const directory = join(root, hash.slice(0, 16));
  const receipts = join(directory, "receipts");
  const dataPath = (unit: AuditUnit) => join(directory, `${unit.name}.arrow`);
  const receiptPath = (unit: AuditUnit) => join(receipts, `${unit.name}.json`);
  return {
    directories: [directory, receipts],
    isDone: async (unit) => {
      if (!(await isUnitDone(receiptPath(unit), { configHash: hash }))) return false;
      if (await fileExists(dataPath(unit))) return true;
      // Somebody deleted the table, so its receipt proves nothing any more.
      await rm(receiptPath(unit), { force: true });
      return false;
    },
    write: async (unit, ids, found) => {
      const { idStart, idEnd } = unit.entry;
      await commitUnit({
        dataPath: dataPath(unit),
        receiptPath: receiptPath(unit),
        origin: {
          ...{ stage: "audit", unit: unit.index, idStart, idEnd },
          ...{ configHash: hash, models: {}, createdBy: programVersion },
        },
        write: (sink) => writeTable(sink, auditColumns, [toAuditRows(ids, found)]),
      });
    },
    read: async (unit) => (await readTable(dataPath(unit), auditColumns)).columns,
  };
}
