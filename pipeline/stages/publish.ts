import { imageAt, imageBytes, numCifar10Classes } from "../../core/image-layout.ts";
import { writeShard } from "../../shards/format/write-shard.ts";
import type { Run } from "../run/run.ts";
import { type Stage, unitStage } from "../run/stage.ts";
import { readSamples } from "../run/unit-files.ts";
import { conditioningClassOf, type Unit, unitRows } from "../run/units.ts";
import { labelOf, openKeptRows, surplusReason } from "./kept-rows.ts";

/** Number of rows that are handed to the Arrow writer at once. */
const chunkRows = 1024;

/**
 * Writes the shard of a unit: its samples and labels without the removals, and without the surplus that `balance` leaves out.
 * @param options.models - sha256 of everything that the shards are made with
 * @throws Cifar5mError as `unitStage`; `receipt/missing` if an earlier stage is not done; as `openKeptRows`
 */
export function publishStage(options: { readonly run: Run; readonly models: Readonly<Record<string, string>> }): Stage {
  const { run, models } = options;
  const keptRows = openKeptRows(run);
  return unitStage({
    name: "publish",
    run,
    models,
    pathOf: run.folder.shard,
    write: async (unit, sink, context) => {
      const images = await readSamples(run, unit);
      const { rows: kept, numSurplus, probabilities } = await keptRows(unit);
      const chunks = Array.from({ length: Math.ceil(kept.length / chunkRows) }, (_, chunk) =>
        kept.slice(chunk * chunkRows, (chunk + 1) * chunkRows),
      );
      function* shardChunks() {
        for (const rows of chunks) yield shardRows({ unit, rows, images, probabilities, sampler: run.config.sampler });
      }
      const numRows = await writeShard(sink, shardChunks());
      context.count("publish/images", unitRows(unit));
      context.count("publish/removed", unitRows(unit) - numRows - numSurplus);
      if (numSurplus > 0) context.count(`dropped/${surplusReason}`, numSurplus);
      return numRows;
    },
  });
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
  const rowProbabilities = new Float32Array(rows.length * numCifar10Classes);
  for (const [index, row] of rows.entries()) {
    image.set(imageAt(images, row), index * imageBytes);
    rowProbabilities.set(
      probabilities.subarray(row * numCifar10Classes, (row + 1) * numCifar10Classes),
      index * numCifar10Classes,
    );
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
