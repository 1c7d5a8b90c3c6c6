import type { ShardReader } from "../run/shard-reader.ts";
import type { AuditFolder } from "./audit-folder.ts";
import type { AuditRows } from "./audit-table.ts";
import { auditColumns } from "./audit-table.ts";
import type { AuditedLabels } from "./label-audit.ts";
import type { AuditUnit } from "./plan-audit.ts";

/** The rows of all units, one after the other. @throws Cifar5mError `receipt/…`, `table/…`, `disk/…` */
export async function collectRows(units: readonly AuditUnit[], folder: AuditFolder): Promise<AuditRows> {
  const parts: AuditRows[] = [];
  const tables = folder.tables("audit", auditColumns);
  for (const unit of units) parts.push(await tables.read(unit));
  const names = Object.keys(auditColumns) as (keyof AuditRows)[];
  return Object.fromEntries(names.map((name) => [name, concatenate(parts.map((part) => part[name]))])) as AuditRows;
}

function concatenate<Numbers extends Float64Array | Float32Array | Uint8Array>(parts: readonly Numbers[]): Numbers {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const Type = (parts[0]?.constructor ?? Float64Array) as { new (length: number): Numbers };
  const whole = new Type(length);
  let start = 0;
  for (const part of parts) {
    whole.set(part, start);
    start += part.length;
  }
  return whole;
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
    const wanted = unit.rows === undefined ? undefined : new Set(unit.rows);
    let firstRow = 0;
    for await (const { rows, columns } of reader.read(unit.entry, signal)) {
      for (let row = 0; row < rows; row++) {
        if (wanted !== undefined && !wanted.has(firstRow + row)) continue;
        const requested = columns.class[row]!;
        collected.ids[target] = columns.id[row]!;
        collected.labels[target] = columns.label[row]!;
        collected.classes[target] = requested;
        collected.confidences[target] = columns.confidence[row]!;
        collected.classProbabilities[target] = requested < 0 ? 0 : columns.probabilities[row * numClasses + requested]!;
        target++;
      }
      firstRow += rows;
    }
    count(unit.numRows);
  }
  return collected;
}
