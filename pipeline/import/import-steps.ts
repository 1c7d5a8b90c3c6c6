import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes, type LabeledImages } from "../../core/image-layout.ts";
import { programVersion } from "../../core/program-version.ts";
import { describeSplit, type SplitName } from "../../shards/format/manifest.ts";
import { writeManifest } from "../../shards/format/manifest-file.ts";
import type { ShardInput } from "../../shards/format/shard-schema.ts";
import { writeShard } from "../../shards/format/write-shard.ts";
import { canonicalJson } from "../../storage/canonical-json.ts";
import { pinConfig } from "../../storage/pin-config.ts";
import { fileExists } from "../../storage/read-file.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import { cardStep } from "../card/write-card.ts";
import { requireNoLostRun } from "../run/find-lost-run.ts";
import { mapFiles } from "../run/map-files.ts";
import type { RunFolder } from "../run/run-folder.ts";
import { type StageContext, unitStage } from "../run/stage.ts";
import type { Step } from "../run/step.ts";
import { planFixedUnits } from "../run/units.ts";
import { readShardEntry } from "../stages/shard-entry.ts";
import { type CheckedSource, checkSource } from "./check-source.ts";
import type { ImportSource } from "./import-source.ts";
import {
  type ImportedRun,
  importedColumns,
  importedRunIn,
  readImportedRun,
  requireImportable,
} from "./imported-run.ts";
import { openImportSource, type SourceOptions } from "./open-import-source.ts";
import { RowCursor, sourceChanged } from "./row-cursor.ts";
import { RowsHash } from "./rows-hash.ts";

/** What to import, and into which run. */
export interface ImportOptions extends SourceOptions {
  /** The run folder. */
  readonly folder: RunFolder;
  /** Images of one shard. */
  readonly unitSize: number;
  /** Number of images at the end that become the test part; by default the source's own division. */
  readonly testCount?: number | undefined;
}

/** What to do where a run folder holds another import. */
const goOn = "Import the same images with the same options to go on, or name a new run folder with --run.";

/**
 * The steps of an import. The source is read twice: once to check all of it before anything is written, and once to
 * write. Finished units are skipped, so an interrupted import continues where it stopped.
 * @returns steps that throw a Cifar5mError if anything is wrong with the source; `import/source-changed` for rows that are
 *   others when they are written than when they were checked; `run/config-changed`; `disk/…`
 */
export async function importSteps(options: ImportOptions): Promise<Step[]> {
  await requireImportable(options.folder);
  const source = await openImportSource(options);
  const total = source.numRows.train + source.numRows.test;
  let checked: CheckedSource;
  let run: ImportedRun;
  return [
    {
      name: "check",
      total,
      async *run(context) {
        const { count, testCount } = divide(source, total, options);
        const { format, classNames } = source;
        const { unitSize, resize } = options;
        checked = await checkSource(source, planFixedUnits({ count, testCount, unitSize }), context);
        if (options.testCount !== undefined) tellMissingClasses(checked, { count, testCount, classNames }, context);
        const sourceSha256 = checked.sha256;
        const split = { count, testCount, unitSize, resize };
        run = importedRunIn(options.folder, {
          import: { format, sourceSha256, classNames: [...classNames], ...split, columns: { ...importedColumns } },
        });
        if (!(await fileExists(run.folder.config))) {
          await requireNoLostRun(run.folder, { identity: run.identity, sizes: undefined });
        }
        yield await pinConfig(run.folder.config, run.identity, goOn);
        for (const directory of run.folder.directories) await removeStaleTemporaries(directory);
      },
    },
    {
      name: "import",
      total,
      async *run(context) {
        const cursor = new RowCursor(source);
        const stage = unitStage({
          name: "import",
          run,
          models: {},
          pathOf: run.folder.shard,
          write: async ({ index, idStart, idEnd }, sink) => {
            const hash = new RowsHash();
            const chunks = hash.through(cursor.take(idStart, idEnd, () => context.signal.throwIfAborted()));
            const rows = await writeShard(sink, toShardRows(chunks, idStart, source.classNames), source.classNames);
            if (hash.digest() !== checked.unitHashes[index]) {
              throw sourceChanged(source.path, `rows ${idStart} to ${idEnd - 1} are others than before`);
            }
            context.count("import/images", rows);
            return rows;
          },
          close: () => cursor.close(),
        });
        yield* stage(run.units, context);
      },
    },
    {
      name: "manifest",
      total: 0,
      async *run() {
        yield await publishImported(run, checked);
      },
    },
    cardStep(options.folder.root),
  ];
}

/** Number of rows of each split. */
function divide(source: ImportSource, total: number, options: ImportOptions): { count: number; testCount: number } {
  const testCount = options.testCount ?? source.numRows.test;
  if (total > testCount) return { count: total - testCount, testCount };
  throw new Cifar5mError(
    "import/no-train-images",
    `${options.path} holds ${total} images, ${testCount} of them for the test part: no image is left to train on. ` +
      "Use a larger set, or a smaller --test-count.",
  );
}

/** The test part is the end of a source, which may be sorted by class. */
function tellMissingClasses(
  checked: CheckedSource,
  split: { readonly count: number; readonly testCount: number; readonly classNames: readonly string[] },
  { tell }: Pick<StageContext, "tell">,
): void {
  const { count, testCount, classNames } = split;
  const train = checked.numByLabel(0, count);
  const test = checked.numByLabel(count, count + testCount);
  const missing = classNames.filter((_, label) => train[label]! > 0 && test[label] === 0);
  if (testCount === 0 || missing.length === 0) return;
  const last = testCount === 1 ? "image" : `${testCount} images`;
  tell?.(
    `the test part, the last ${last}, has none of ${missing.join(", ")}: images are taken in order of file names or of ` +
      "the file. To choose them yourself, put pictures into train/ and test/.",
  );
}

async function* toShardRows(
  chunks: AsyncIterable<LabeledImages>,
  idStart: number,
  classNames: readonly string[],
): AsyncGenerator<ShardInput> {
  let nextId = idStart;
  for await (const { images, labels } of chunks) {
    const rows = labels.length;
    const probabilities = new Float32Array(rows * classNames.length);
    for (const [row, label] of labels.entries()) probabilities[row * classNames.length + label] = 1;
    const firstId = nextId;
    nextId += rows;
    yield {
      id: Float64Array.from({ length: rows }, (_, row) => firstId + row),
      image: images.subarray(0, rows * imageBytes),
      label: labels,
      class: new Int32Array(rows).fill(-1),
      confidence: new Float32Array(rows).fill(1),
      probabilities,
    };
  }
}

async function publishImported(run: ImportedRun, checked: CheckedSource): Promise<void> {
  const { identity, folder, hash } = run;
  const { count, testCount, classNames, format } = identity.import;
  const describe = async (split: SplitName, start: number, end: number) => {
    const units = run.units.filter((unit) => unit.split === split);
    const entries = await mapFiles(units, (unit) => readShardEntry(run, "import", unit, {}));
    return describeSplit(entries, checked.numByLabel(start, end));
  };
  await writeManifest(folder.dataset, {
    name: `imported ${format}`,
    classNames,
    imageShape: [32, 32, 3],
    splits: { train: await describe("train", 0, count), test: await describe("test", count, count + testCount) },
    configHash: hash,
    config: JSON.parse(canonicalJson(identity)),
    models: {},
    removals: {},
    createdBy: programVersion,
  });
}

/** The options that an earlier call pinned, for those that are left out now. */
export async function readPinnedImport(folder: RunFolder) {
  return (await readImportedRun(folder))?.identity.import;
}
