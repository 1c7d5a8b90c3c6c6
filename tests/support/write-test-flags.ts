import { join } from "node:path";
import { writeTable } from "../../shards/arrow/write-table.ts";
import { flagColumns, flagNames } from "../../shards/format/flags.ts";
import { readManifest } from "../../shards/format/manifest-file.ts";
import { type Manifest, openDataset } from "../../shards/index.ts";
import { sealJson } from "../../storage/canonical-json.ts";
import { replaceBytes, replaceFile } from "../../storage/commit.ts";

/** Whether a row has a flag: follows from its id. */
export function hasFlag(id: number, flag: (typeof flagNames)[number]): boolean {
  return id % (flagNames.indexOf(flag) + 2) === 0;
}

/** Writes flags beside a data set, right ones unless `change` makes them wrong. */
export async function writeTestFlags(
  directory: string,
  change: {
    readonly ids?: (ids: Float64Array) => Float64Array;
    readonly flag?: (value: number) => number;
    readonly description?: (right: object, manifest: Manifest) => object;
  } = {},
): Promise<void> {
  const manifest = await readManifest(directory);
  const all: number[] = [];
  for (const split of ["train", "test"] as const) {
    const dataset = await openDataset(directory, { split });
    all.push(...(await dataset.readImages(Array.from({ length: dataset.numSamples }, (_, row) => row))).ids);
    dataset.close();
  }
  const ids = change.ids?.(Float64Array.from(all)) ?? Float64Array.from(all);
  const zeros = { int64: () => new Float64Array(ids.length), float32: () => new Float32Array(ids.length) };
  const columns = Object.fromEntries(
    Object.entries(flagColumns).map(([name, type]) => {
      const flag = flagNames.find((known) => known === name);
      const value = (id: number) => (flag === undefined ? 0 : (change.flag ?? Number)(Number(hasFlag(id, flag))));
      return [name, type === "uint8" ? Uint8Array.from(ids, value) : zeros[type]()];
    }),
  );
  const table = { ...columns, id: ids } as never;
  const { bytes, sha256 } = await replaceFile(join(directory, "flags.arrow"), async (sink) => {
    await writeTable(sink, flagColumns, [table], { rowsPerBatch: 16 });
  });
  const right = { version: 1, dataset: manifest.sha256, rows: ids.length, bytes, sha256, createdBy: "tests" };
  await replaceBytes(join(directory, "flags.json"), sealJson(change.description?.(right, manifest) ?? right));
}
