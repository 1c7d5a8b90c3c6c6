import { imageAt } from "../../core/image-layout.ts";
import { openDataset } from "../../shards/index.ts";
import type { Audit } from "./audit-report.ts";
import type { AuditUnit } from "./plan-audit.ts";

/**
 * Reads the images that a report names.
 * @param ids - of all audited rows, in the order of the units
 * @returns the image of an id: uint8, shape [32, 32, 3]
 */
export async function readPictured(
  audit: Audit,
  ids: Float64Array,
  units: readonly AuditUnit[],
  directory: string,
): Promise<(id: number) => Uint8Array> {
  const wanted = new Set([
    ...audit.nearest.map(({ id }) => id),
    ...audit.pairs.flatMap(({ id, of }) => [id, of]),
    ...audit.labels.mostLikelyMislabeled.map(({ id }) => id),
  ]);
  const rows = { train: [] as number[], test: [] as number[] };
  let start = 0;
  for (const unit of units) {
    for (let index = 0; index < unit.numRows; index++) {
      if (wanted.has(ids[start + index]!)) rows[unit.split].push(unit.firstRow + (unit.rows?.[index] ?? index));
    }
    start += unit.numRows;
  }
  const images = new Map<number, Uint8Array>();
  for (const split of ["train", "test"] as const) {
    const dataset = await openDataset(directory, { split, memoryBytes: 0 });
    try {
      const samples = await dataset.readImages(rows[split]);
      for (const [index, id] of samples.ids.entries()) {
        images.set(id, imageAt(samples.images, index));
      }
    } finally {
      dataset.close();
    }
  }
  return (id) => images.get(id)!;
}
