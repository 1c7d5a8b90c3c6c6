import { join } from "node:path";
import { programVersion } from "../../core/program-version.ts";
import { manifestName, type SplitName, splitNames } from "../../shards/format/manifest.ts";
import type { Manifest, OpenOptions } from "../../shards/index.ts";
import { commitUnit } from "../../storage/commit-unit.ts";
import { readFileFactsIfAny } from "../../storage/file-facts.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import { requireClassNames, requireLines } from "../import/class-names.ts";
import { openShardReader, type ShardReader } from "../run/shard-reader.ts";
import type { StageContext } from "../run/stage.ts";
import type { Step } from "../run/step.ts";
import { planParts, type SplitPart } from "../run/units.ts";
import type { FileFormat, PartInput } from "./export-format.ts";
import { readExportRows } from "./export-rows.ts";
import { openExportTarget } from "./export-target.ts";
import { npzFormat } from "./write-npz.ts";
import { parquetFormat } from "./write-parquet.ts";
import { picturesFormat } from "./write-pictures.ts";
import { webdatasetFormat } from "./write-webdataset.ts";

/** The formats of an export. */
export const exportFormats = ["npz", "png", "webdataset", "parquet"] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** What to export, and to which folder. */
export interface ExportOptions {
  /** A run folder, a data set folder, or the URL of a data set. */
  readonly location: string;
  /** The folder to write: new, empty, or left by an interrupted export. */
  readonly target: string;
  readonly format: ExportFormat;
  readonly splits: readonly SplitName[];
  /** How the server of a URL is reached, as `openDataset` takes it. */
  readonly open?: OpenOptions;
  /** Images of one part; default: the usual number for the format. */
  readonly partSize?: number | undefined;
}

const fileFormats = {
  npz: npzFormat,
  png: picturesFormat,
  webdataset: webdatasetFormat,
  parquet: parquetFormat,
} as const satisfies Readonly<Record<ExportFormat, FileFormat>>;

/**
 * Writes a published data set in another format, part by part, in constant memory. Parts that an earlier call finished
 * are kept.
 * @returns one step, which throws Cifar5mError `manifest/…`, `export/target-not-empty`, `shard/hash-mismatch`,
 *   `run/config-changed`, `disk/…`, `store/…`
 */
export async function exportSteps(options: ExportOptions): Promise<Step[]> {
  const { target, format, splits } = options;
  const reader = await openShardReader(options.location, options.open);
  const { manifest } = reader;
  const path = `${reader.location}/${manifestName}`;
  if (format === "png") {
    requireClassNames(manifest.classNames, path, "Choose another format: only png makes folders of classes.");
  }
  requireLines(manifest.classNames, path);
  const fileFormat: FileFormat = fileFormats[format];
  const partSize = options.partSize ?? fileFormat.partSize;
  return [
    {
      name: "export",
      total: splits.reduce((sum, split) => sum + manifest.splits[split].rows, 0),
      async *run(context) {
        const identity = { format, splits: [...splits], partSize, dataset: manifest.sha256 };
        const configHash = await openExportTarget(target, identity, manifest.classNames);
        for (const folder of foldersOf(target, format, manifest)) await removeStaleTemporaries(folder);
        const parts = planParts(
          splits.map((split) => ({ split, rows: manifest.splits[split].rows })),
          partSize,
        );
        for (const part of parts) {
          context.signal.throwIfAborted();
          yield await exportPart({ target, reader, fileFormat, part, configHash, context });
        }
        for (const split of splits) {
          const paths = parts.filter((part) => part.split === split).map((part) => pathOf(target, fileFormat, part));
          await fileFormat.finish?.(join(target, split), paths);
        }
        await fileFormat.describe?.({ target, reader, parts });
      },
    },
  ];
}

/** Name of the folder of receipts, hidden from readers that take all files. */
const receiptsName = ".receipts";

/** Every folder of an export into which files are committed. */
function foldersOf(target: string, format: ExportFormat, { classNames }: Manifest): string[] {
  return [
    join(target, receiptsName),
    ...splitNames.flatMap((split) => [
      join(target, split),
      join(target, ".labels", split),
      ...(format === "png" ? classNames.map((name) => join(target, split, name)) : []),
    ]),
  ];
}

function pathOf(target: string, fileFormat: FileFormat, { split, part }: SplitPart): string {
  return join(target, fileFormat.pathOf(split, part));
}

async function exportPart(options: {
  readonly target: string;
  readonly reader: ShardReader;
  readonly fileFormat: FileFormat;
  readonly part: SplitPart;
  readonly configHash: string;
  readonly context: StageContext;
}): Promise<SplitPart> {
  const { target, reader, fileFormat, part, configHash, context } = options;
  const { split, start, end } = part;
  const numRows = end - start;
  const folder = join(target, split);
  const dataPath = pathOf(target, fileFormat, part);
  const receiptPath = join(target, receiptsName, `${split}-${part.part}.json`);
  const input: PartInput = {
    numRows,
    folder,
    classNames: reader.manifest.classNames,
    rows: async function* () {
      for await (const chunk of readExportRows({ reader, split, start, end, signal: context.signal })) {
        yield chunk;
        context.count("export/images", chunk.rows);
      }
    },
  };
  let isKept = true;
  await commitUnit({
    dataPath,
    receiptPath,
    origin: {
      stage: "export",
      unit: part.index,
      idStart: start,
      idEnd: end,
      configHash,
      models: {},
      createdBy: programVersion,
    },
    isWhole: async ({ bytes }) =>
      (await readFileFactsIfAny(dataPath))?.bytes === bytes &&
      ((await fileFormat.isIntact?.(folder, dataPath)) ?? true),
    write: async (sink) => {
      isKept = false;
      await fileFormat.write(sink, input);
      return numRows;
    },
  });
  if (isKept) context.count("export/kept", numRows);
  return part;
}
