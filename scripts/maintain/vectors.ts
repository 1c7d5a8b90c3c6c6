import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cifar10ClassNames } from "../../core/image-layout.ts";
import { type Batch, type LoaderOptions, type LoaderState, openDataset, writeDataset } from "../../shards/index.ts";

/** Rows of the split that the vectors are of. */
export const poolSize = 23;

/** A blocked shuffle. */
export const blocked = (blockRows: number, windowBlocks: number) =>
  ({ kind: "blocked", blockRows, windowBlocks }) as const;

/** Sections of vectors as JSON, one vector a line. */
export function formatSections(sections: Readonly<Record<string, readonly unknown[]>>): string {
  const texts = Object.entries(sections).map(([name, vectors]) => `  "${name}": ${formatList(vectors, "  ")}`);
  return `{\n${texts.join(",\n")}\n}\n`;
}

/** Vectors as JSON, one a line. */
export function formatVectors(vectors: readonly unknown[]): string {
  return `${formatList(vectors, "")}\n`;
}

function formatList(vectors: readonly unknown[], indent: string): string {
  const lines = vectors.map((vector) => `${indent}  ${JSON.stringify(vector)}`);
  return `[\n${lines.join(",\n")}\n${indent}]`;
}

/**
 * What real loaders serve, once through, from a data set.
 * @param rows - `poolSize` of them
 * @param describe - what a vector holds of a batch and of the loader's state after it
 */
export async function serveBatches<Options extends LoaderOptions<"uint8" | "float32">, Description>(
  rows: { readonly images: Uint8Array; readonly labels: Uint8Array },
  allOptions: readonly Options[],
  describe: (batch: Batch<Uint8Array | Float32Array>, after: LoaderState) => Description,
) {
  const folder = await mkdtemp(join(tmpdir(), "cifar5m-vectors-"));
  try {
    await writeDataset(folder, { classNames: cifar10ClassNames, train: [rows] });
    const dataset = await openDataset(folder);
    return await Promise.all(
      allOptions.map(async (options) => {
        const loader = dataset.loader<"uint8" | "float32">(options);
        const { numBatches } = loader;
        const batches: Description[] = [];
        for await (const batch of loader) {
          batches.push(describe(batch, loader.state()));
          if (batches.length === numBatches) break;
        }
        return { poolSize, options, batches };
      }),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}
