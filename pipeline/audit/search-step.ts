import { imageAt, imageBytes } from "../../core/image-layout.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import type { ShardReader } from "../run/shard-reader.ts";
import type { Step } from "../run/step.ts";
import { shareOf } from "../run/units.ts";
import type { AuditFolder } from "./audit-folder.ts";
import { auditColumns, toAuditRows } from "./audit-table.ts";
import type { AuditUnit } from "./plan-audit.ts";
import { readAuditedRows } from "./read-audited-rows.ts";
import type { ReferenceSearch } from "./reference-search.ts";

/** Looks up the nearest CIFAR-10 images of all audited rows, one unit per shard. Several workers share the units. */
export function searchStep(options: {
  readonly reader: ShardReader;
  readonly units: readonly AuditUnit[];
  readonly folder: AuditFolder;
  readonly search: () => Promise<ReferenceSearch>;
}): Step {
  const { reader, units, folder, search } = options;
  return {
    name: "audit-neighbors",
    total: units.reduce((sum, { numRows }) => sum + numRows, 0),
    async *run(context) {
      for (const directory of folder.directories) await removeStaleTemporaries(directory);
      const tables = folder.tables("audit", auditColumns);
      const { rank, worldSize, signal } = context;
      for (const unit of shareOf(units, { rank, worldSize, takeOver: true })) {
        signal.throwIfAborted();
        if (await tables.isDone(unit)) {
          context.count("audit-neighbors/kept", unit.numRows);
        } else {
          const { images, ids } = await readRows(reader, unit, signal);
          const count = (by: number) => context.count("audit-neighbors/images", by);
          const found = await (await search()).search(images, { signal, count });
          await tables.write(unit, toAuditRows(ids, found));
        }
        yield unit;
      }
    },
  };
}

/** The audited rows of a shard. */
async function readRows(reader: ShardReader, unit: AuditUnit, signal: AbortSignal) {
  const images = new Uint8Array(unit.numRows * imageBytes);
  const ids = new Float64Array(unit.numRows);
  let target = 0;
  for await (const { columns, rows } of readAuditedRows(reader, unit, signal)) {
    for (const row of rows) {
      images.set(imageAt(columns.image, row), target * imageBytes);
      ids[target++] = columns.id[row]!;
    }
  }
  return { images, ids };
}
