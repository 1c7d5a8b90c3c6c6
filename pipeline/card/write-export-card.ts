import { stat } from "node:fs/promises";
import { join } from "node:path";
import { splitNames } from "../../shards/format/manifest.ts";
import { diskError } from "../../storage/disk-error.ts";
import { renderDatasetSheet } from "../inspect/contact-sheet.ts";
import type { ShardReader } from "../run/shard-reader.ts";
import type { SplitPart } from "../run/units.ts";
import { gatherCardFacts } from "./card-facts.ts";
import type { CardLayout, SplitLayout } from "./card-layout.ts";
import { writeCompanions } from "./write-card.ts";

/**
 * Writes the card of a Parquet export beside its parts: README.md and croissant.json, and the picture if the data set is
 * on this machine.
 * @param written.pathOf - path of a part below `target`, with forward slashes
 * @throws Cifar5mError `card/…`, `disk/…`
 */
export async function writeExportCard(written: {
  readonly target: string;
  readonly reader: ShardReader;
  readonly parts: readonly SplitPart[];
  readonly pathOf: (split: SplitPart["split"], part: number) => string;
}): Promise<void> {
  const { target, reader, parts, pathOf } = written;
  const { manifest, local } = reader;
  const splits = splitNames.map(async (name): Promise<SplitLayout | undefined> => {
    const ofSplit = parts.filter(({ split }) => split === name);
    if (ofSplit.length === 0) return undefined;
    const sizes = ofSplit.map(({ part }) => sizeOf(join(target, pathOf(name, part))));
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    const rows = ofSplit.reduce((sum, { start, end }) => sum + end - start, 0);
    return { name, rows, bytes, files: [`${name}/part-*.parquet`] };
  });
  const layout: CardLayout = {
    format: "parquet",
    splits: (await Promise.all(splits)).filter((split) => split !== undefined),
    hasPicture: local !== undefined,
  };
  const facts = await gatherCardFacts({ manifest, ...local });
  const picture = local === undefined ? undefined : await renderDatasetSheet({ directory: local.directory, manifest });
  await writeCompanions(target, { facts, layout, picture });
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (thrown) {
    throw diskError(thrown, "read", path);
  }
}
