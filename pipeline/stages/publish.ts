import { argmax } from "../../core/argmax.ts";
import { imageBytes } from "../../core/image-layout.ts";
import { writeShard } from "../../shards/format/write-shard.ts";
import type { Run } from "../run/run.ts";
import { type Stage, unitStage } from "../run/stage.ts";
import { imageAt, readProbabilities, readSamples, readUnitFile } from "../run/unit-files.ts";
import { conditioningClassOf, type Unit, unitRows } from "../run/units.ts";
import { readRemovals } from "./removals.ts";

/** Number of classes. */
const numClasses = 10;
/** Number of rows that are handed to the Arrow writer at once. */
const chunkRows = 1024;

/**
 * Writes the shard of a unit: its samples and labels without the removals.
 * @param options.models - sha256 of everything that the shards are made with
 * @throws Cifar5mError as `unitStage`; `receipt/missing` if an earlier stage is not done
 */
export function publishStage(options: { readonly run: Run; readonly models: Readonly<Record<string, string>> }): Stage {
  const { run, models } = options;
  return unitStage({
    name: "publish",
    run,
    models,
    pathOf: run.folder.shard,
    write: async (unit, sink, context) => {
      const images = await readSamples(run, unit);
      const probabilities = await readProbabilities(run, unit);
      const kept = await keptRows(run, unit);
      const chunks = Array.from({ length: Math.ceil(kept.length / chunkRows) }, (_, chunk) =>
        kept.slice(chunk * chunkRows, (chunk + 1) * chunkRows),
      );
      function* shardChunks() {
        for (const rows of chunks) yield shardRows({ unit, rows, images, probabilities, sampler: run.config.sampler });
      }
      const numRows = await writeShard(sink, shardChunks());
      context.count("publish/images", unitRows(unit));
      context.count("publish/removed", unitRows(unit) - numRows);
      return numRows;
    },
  });
}

/** Rows of a unit by label, without the removals: shape [10]. */
export async function countLabels(run: Run, unit: Unit): Promise<number[]> {
  const probabilities = await readProbabilities(run, unit);
  const counts = new Array<number>(numClasses).fill(0);
  for (const row of await keptRows(run, unit)) {
    const { label } = labelOf(probabilities, row);
    counts[label] = counts[label]! + 1;
  }
  return counts;
}

/** The rows that dedup kept, by rising id. */
async function keptRows(run: Run, unit: Unit): Promise<number[]> {
  const path = run.folder.removals(unit);
  await readUnitFile(run, "dedup", unit, path);
  const removed = new Set((await readRemovals(path)).map(({ id }) => id - unit.idStart));
  return Array.from({ length: unitRows(unit) }, (_, row) => row).filter((row) => !removed.has(row));
}

function shardRows(options: {
  readonly unit: Unit;
  readonly rows: readonly number[];
  readonly images: Uint8Array;
  readonly probabilities: Float32Array;
  readonly sampler: { readonly conditional: boolean };
}) {
  const { unit, rows, images, probabilities, sampler } = options;
  const labels = rows.map((row) => labelOf(probabilities, row));
  const image = new Uint8Array(rows.length * imageBytes);
  const rowProbabilities = new Float32Array(rows.length * numClasses);
  for (const [index, row] of rows.entries()) {
    image.set(imageAt(images, row), index * imageBytes);
    rowProbabilities.set(probabilities.subarray(row * numClasses, (row + 1) * numClasses), index * numClasses);
  }
  return {
    id: Float64Array.from(rows, (row) => unit.idStart + row),
    image,
    label: Uint8Array.from(labels, ({ label }) => label),
    class: Int32Array.from(rows, (row) => conditioningClassOf(unit.idStart + row, sampler)),
    confidence: Float32Array.from(labels, ({ confidence }) => confidence),
    probabilities: rowProbabilities,
  };
}

/** The most probable class of a row (the smaller one of equals) and its probability. */
function labelOf(probabilities: Float32Array, row: number): { label: number; confidence: number } {
  const ofRow = probabilities.subarray(row * numClasses, (row + 1) * numClasses);
  const label = argmax(ofRow);
  return { label, confidence: ofRow[label]! };
}
