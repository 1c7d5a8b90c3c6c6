import { join } from "node:path";
import { programVersion } from "../../core/program-version.ts";
import { executionIdentity } from "../../engine/executor.ts";
import type { Sampler } from "../../generator/sampling/denoiser-sampler.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { readWholeFile } from "../../storage/read-file.ts";
import { sha256 } from "../../storage/sha256.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import { readModel, readModelReceipt } from "../models/models.ts";
import { withGuide } from "../models/read-model-file.ts";
import { type Config, keysOutsideTheBytes, samplerIdentity } from "../run/config.ts";
import { omitKeys } from "../run/config-keys.ts";
import type { ModelName, RunFolder } from "../run/run-folder.ts";
import { shippedModel } from "../run/shipped-files.ts";
import type { StageContext } from "../run/stage.ts";
import type { Step } from "../run/step.ts";
import { conditioningClassOf } from "../run/units.ts";
import type { FeatureNet } from "./feature-net.ts";
import { sliceFeatures } from "./features.ts";
import { forgetRowImages, generateRowImages } from "./generate-row-images.ts";
import {
  type GeneratorScore,
  generatorScoreVersion,
  type RowScore,
  readGeneratorScore,
  writeGeneratorScore,
} from "./generator-score.ts";
import { computeKeptFeatures, type FeatureProgress } from "./kept-features.ts";
import { timeSampler } from "./measure-speed.ts";
import { type FeatureNetChoice, openFeatureNet } from "./open-feature-net.ts";
import {
  type Cifar10,
  compareWithReference,
  computeCifar10Features,
  computeReference,
  openCifar10,
  type Reference,
  type ReferenceFolders,
  type SetScores,
} from "./reference.ts";
import { renderGeneratorPlot } from "./render-generator-plot.ts";
import { readSamplerRows, type SamplerRow } from "./sampler-rows.ts";

/** Which samplers are compared. */
export interface GeneratorScoreOptions {
  readonly folder: RunFolder;
  readonly config: Config;
  readonly runtime: ModelRuntime;
  readonly data?: string | undefined;
  readonly features: FeatureNetChoice;
  /** Folder in which all runs keep features of CIFAR-10. */
  readonly cache?: string | undefined;
  /** Weights of the rows that name none; by default the run's, or else the shipped ones. */
  readonly generator?: string | undefined;
  /** A list of rows; see `readSamplerRows`. */
  readonly rows?: string | undefined;
  readonly numImages: number;
}

/** A row with its weights. */
interface PlannedRow extends SamplerRow {
  readonly bytes: Uint8Array;
  /** Hash of everything that determines the images and the figures. */
  readonly key: string;
}

/** What all rows are compared with. */
interface Basis {
  readonly net: FeatureNet;
  readonly reference: Reference;
  readonly cifar10Test: SetScores;
}

/**
 * A step for each row, one that times them all, and one that renders the plot. Each finished row is written to
 * generator-score.json at once, and is not generated again. If a row is interrupted, its images are kept.
 * @throws Cifar5mError `score/bad-rows`, `config/…`, `score/no-cifar-10`, `weights/…`, `features/…`, `disk/…`, before
 *   any work
 */
export async function generatorSteps(options: GeneratorScoreOptions): Promise<readonly Step[]> {
  const { folder: runFolder, config, runtime, numImages } = options;
  const { generatorScore: paths, scoring } = runFolder;
  const samplerRows = await readSamplerRows(options.rows, config);
  const cifar10 = await openCifar10({ folder: runFolder, data: options.data, recordsPerFile: config.recordsPerFile });
  const labelerWeights = await modelOf(options, "labeler", options.features.labeler);
  const defaultWeights = await modelOf(options, "generator", options.generator);
  const before = await readGeneratorScore(paths.json);
  const net = await openFeatureNet({ ...options.features }, config);
  const identity = { features: net.sha256, cifar10: cifar10.sha256, labeler: sha256(labelerWeights), numImages };
  const planned: PlannedRow[] = [];
  for (const row of samplerRows) {
    const weights = row.weights === undefined ? defaultWeights : await readWholeFile(row.weights);
    const bytes = await withGuide(weights, row.weights ?? "the generator", row.guide);
    // Open each file now, so that a file that is not a generator is found before hours of work.
    await (await runtime.openSampler(row.config, bytes)).close();
    planned.push({
      ...row,
      bytes,
      key: hashConfig({ ...identity, ...samplingIdentity(row.config), generator: sha256(bytes) }),
    });
  }
  const done = new Map((before?.rows ?? []).map((row) => [row.key, row]));
  let basis: Basis | undefined;
  const close = async () => {
    basis = undefined;
    await net.close();
  };
  const closingOnError = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (thrown) {
      await close();
      throw thrown;
    }
  };
  const scoreWith = (cifar10Test: SetScores): GeneratorScore => ({
    version: generatorScoreVersion,
    createdBy: programVersion,
    reference: { name: "CIFAR-10 train", count: cifar10.train.labels.length, sha256: cifar10.sha256 },
    features: { network: net.name, sha256: net.sha256, width: net.width },
    labeler: sha256(labelerWeights),
    cifar10Test,
    rows: planned.flatMap(({ key, name, series }) => {
      const row = done.get(key);
      return row === undefined ? [] : [{ ...row, name, series }];
    }),
  });
  return [
    {
      name: "reference",
      total: cifar10.train.labels.length + cifar10.test.labels.length,
      async *run(context) {
        const progress = {
          signal: context.signal,
          count: (images: number) => context.count("reference/images", images),
          countKept: (images: number) => context.count("reference/kept", images),
        };
        const folders = { cache: options.cache, scoring };
        basis = await closingOnError(() => computeBasis(net, { cifar10, numImages, folders }, progress));
        yield basis;
      },
    },
    ...planned.map(
      (row): Step => ({
        name: row.name,
        total: numImages,
        async *run(context) {
          if (done.has(row.key)) {
            context.count(`${row.name}/kept`, numImages);
            return;
          }
          const folder = join(scoring, `images-${row.key.slice(0, 12)}`);
          await closingOnError(async () => {
            const work = { row, basis: basis!, folder, runtime, labelerWeights, numImages };
            done.set(row.key, await scoreRow(work, context));
            await writeGeneratorScore(paths.json, scoreWith(work.basis.cifar10Test));
          });
          await forgetRowImages(folder);
          yield row;
        },
      }),
    ),
    {
      // Time all rows in sequence, including finished ones, so that other load on the machine affects them equally.
      name: "speed",
      total: 0,
      async *run(context) {
        for (const { key, config: rowConfig, bytes } of planned) {
          const sampler = await runtime.openSampler(rowConfig, bytes);
          const timing = timeSampler(sampler, rowConfig, context.signal);
          const imagesPerSecond = await closingOnError(() => timing.finally(() => sampler.close()));
          done.set(key, { ...done.get(key)!, imagesPerSecond });
          context.count("speed/rows", 1);
        }
        yield done;
      },
    },
    {
      name: "plot",
      total: 0,
      async *run() {
        const score = scoreWith(basis!.cifar10Test);
        await writeGeneratorScore(paths.json, score);
        const { svg, png } = await renderGeneratorPlot(score);
        await replaceBytes(paths.svg, svg);
        await replaceBytes(paths.png, png);
        await close();
        yield score;
      },
    },
  ];
}

/** Everything that determines the images of a row, except for the weights. */
export function samplingIdentity(config: Config): Readonly<Record<string, unknown>> {
  return {
    ...executionIdentity(config),
    ...omitKeys({ sampler: samplerIdentity(config.sampler) }, keysOutsideTheBytes),
  };
}

async function computeBasis(
  net: FeatureNet,
  options: { readonly cifar10: Cifar10; readonly numImages: number; readonly folders: ReferenceFolders },
  progress: FeatureProgress,
): Promise<Basis> {
  const { cifar10, numImages, folders } = options;
  const testFeatures = await computeCifar10Features(net, cifar10, "test", folders, progress);
  const reference = await computeReference(net, cifar10, folders, progress);
  const part = sliceFeatures(testFeatures, 0, numImages);
  return { net, reference, cifar10Test: await compareWithReference(reference, part, "CIFAR-10 test") };
}

async function scoreRow(
  options: {
    readonly row: PlannedRow;
    readonly basis: Basis;
    readonly folder: string;
    readonly runtime: ModelRuntime;
    readonly labelerWeights: Uint8Array;
    readonly numImages: number;
  },
  context: StageContext,
): Promise<RowScore> {
  const { row, basis, folder, runtime, labelerWeights, numImages } = options;
  const { key, name, series, bytes, config } = row;
  const { signal } = context;
  const sampler: Sampler = await runtime.openSampler(config, bytes);
  const count = (images: number) => context.count(`${name}/images`, images);
  const generated = await generateRowImages({ sampler, config, numImages, folder, signal, count }).finally(() =>
    sampler.close(),
  );
  const uncounted = { signal, count: () => undefined, countKept: () => undefined };
  const features = await computeKeptFeatures(basis.net, generated.images, [join(folder, "features")], uncounted);
  const labeler = await runtime.openLabeler(config, labelerWeights);
  const probabilities = await labeler.label(generated.images).finally(() => labeler.close());
  let [numAgreeing, confidence] = [0, 0];
  for (let id = 0; id < numImages; id++) {
    const part = probabilities.subarray(id * 10, (id + 1) * 10);
    const largest = Math.max(...part);
    if (part[conditioningClassOf(id, config.sampler)] === largest) numAgreeing++;
    confidence += largest / numImages;
  }
  return {
    ...{ key, name, series, generator: sha256(bytes), sampler: config.sampler },
    ...{ ...executionIdentity(config), seed: config.seed },
    ...(await compareWithReference(basis.reference, features, name)),
    ...(config.sampler.conditional ? { agreement: numAgreeing / numImages } : {}),
    meanConfidence: confidence,
    ...{ nfe: sampler.nfe, imagesPerSecond: numImages / generated.seconds, peakMegabytes: generated.peakMegabytes },
  };
}

/** A model from a file, or else from the run, or else from this package. */
async function modelOf(
  { folder, config }: { readonly folder: RunFolder; readonly config: Config },
  name: ModelName,
  file: string | undefined,
): Promise<Uint8Array> {
  if (file !== undefined) return await readWholeFile(file);
  const isThere = (await readModelReceipt(folder, name)) !== undefined;
  return isThere ? await readModel(folder, name) : await readWholeFile(shippedModel(name, config));
}
