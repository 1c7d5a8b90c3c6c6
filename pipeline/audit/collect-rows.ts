import { parseColumnType } from "../../shards/arrow/table-schema.ts";
import type { ShardReader } from "../run/shard-reader.ts";
import type { AuditFolder } from "./audit-folder.ts";
import { type AuditRows, auditColumns } from "./audit-table.ts";
import type { AuditedLabels } from "./label-audit.ts";
import type { AuditUnit } from "./plan-audit.ts";
import { readAuditedRows } from "./read-audited-rows.ts";

/** The columns that a report is made of. */
export const reportedColumns = (Object.keys(auditColumns) as (keyof AuditRows)[]).filter((name) => name !== "code");

/**
 * Some columns of all units, one unit after the other. A large set has a gigabyte of them, so each is allocated once.
 * @throws Cifar5mError `table/…`, `disk/…`
 */
export async function collectRows<Name extends keyof AuditRows>(
  units: readonly AuditUnit[],
  folder: AuditFolder,
  names: readonly Name[],
): Promise<Pick<AuditRows, Name>> {
  const tables = folder.tables("audit", auditColumns);
  const numRows = units.reduce((sum, unit) => sum + unit.numRows, 0);
  const collected = Object.fromEntries(names.map((name) => [name, allocate(name, numRows)])) as Pick<AuditRows, Name>;
  let start = 0;
  for (const unit of units) {
    const part = await tables.read(unit);
    for (const name of names) collected[name].set(part[name], start * parseColumnType(auditColumns[name]).width);
    start += unit.numRows;
  }
  return collected;
}

function allocate(name: keyof AuditRows, numRows: number): Float64Array | Float32Array | Uint8Array {
  const { element, width } = parseColumnType(auditColumns[name]);
  if (element === "int64") return new Float64Array(numRows * width);
  return element === "float32" ? new Float32Array(numRows * width) : new Uint8Array(numRows * width);
}

/** The labels of all audited rows. Reads every shard with audited rows. */
export async function collectLabels(
  units: readonly AuditUnit[],
  reader: ShardReader,
  { signal, count }: { readonly signal: AbortSignal; readonly count: (images: number) => void },
): Promise<AuditedLabels> {
  const numRows = units.reduce((sum, unit) => sum + unit.numRows, 0);
  const numClasses = reader.manifest.classNames.length;
  const collected: AuditedLabels = {
    ids: new Float64Array(numRows),
    labels: new Uint8Array(numRows),
    classes: new Int16Array(numRows),
    confidences: new Float32Array(numRows),
    classProbabilities: new Float32Array(numRows),
  };
  let target = 0;
  for (const unit of units) {
    for await (const { columns, rows } of readAuditedRows(reader, unit, signal)) {
      for (const row of rows) {
        const requested = columns.class[row]!;
        collected.ids[target] = columns.id[row]!;
        collected.labels[target] = columns.label[row]!;
        collected.classes[target] = requested;
        collected.confidences[target] = columns.confidence[row]!;
        collected.classProbabilities[target] = requested < 0 ? 0 : columns.probabilities[row * numClasses + requested]!;
        target++;
      }
    }
    count(unit.numRows);
  }
  return collected;
}
