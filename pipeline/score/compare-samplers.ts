import { join } from "node:path";
import { closeOnError } from "../../core/close-on-error.ts";
import { programVersion } from "../../core/program-version.ts";
import { requireCharts } from "../../pictures/render-chart.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { sha256 } from "../../storage/sha256.ts";
import { openCifar10 } from "../cifar-10/open-cifar-10.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import type { Config } from "../run/config.ts";
import type { RunFolder } from "../run/run-folder.ts";
import type { Step } from "../run/step.ts";
import { requireEnoughImages } from "./feature-statistics.ts";
import { forgetRowImages } from "./generate-row-images.ts";
import {
  type GeneratorScore,
  generatorScoreVersion,
  readGeneratorScore,
  writeGeneratorScore,
} from "./generator-score.ts";
import { timeSampler } from "./measure-speed.ts";
import { type FeatureNetChoice, openFeatureNet } from "./open-feature-net.ts";
import { modelOf, planRows } from "./plan-rows.ts";
import { renderGeneratorPlot } from "./render-generator-plot.ts";
import { readSamplerRows } from "./sampler-rows.ts";
import type { SetScores } from "./score.ts";
import { type Basis, computeBasis, scoreRow } from "./score-row.ts";

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

/**
 * A step for each row, one that times them all, and one that renders the plot. Each finished row is written to
 * generator-score.json at once, and is not generated again. If a row is interrupted, its images are kept.
 * @throws Cifar5mError `chart/no-vega`, `score/bad-rows`, `config/…`, `run/data-missing`, `weights/…`, `features/…`,
 *   `disk/…`, before any work
 */
export async function compareSamplersSteps(options: GeneratorScoreOptions): Promise<readonly Step[]> {
  const { folder, config, runtime, numImages } = options;
  const { generatorScore: paths, scoring } = folder;
  await requireCharts();
  const samplerRows = await readSamplerRows(options.rows, config);
  const cifar10 = await openCifar10({ folder, data: options.data, recordsPerFile: config.recordsPerFile });
  const labelerWeights = await modelOf(options, "labeler", options.features.labeler);
  const defaultWeights = await modelOf(options, "generator", options.generator);
  const before = await readGeneratorScore(paths.json);
  const net = await openFeatureNet(options.features, config);
  const identity = { features: net.sha256, cifar10: cifar10.sha256, labeler: sha256(labelerWeights), numImages };
  const planned = await closeOnError(net, async () => {
    requireEnoughImages(numImages, net.width, "each row");
    return await planRows(samplerRows, { runtime, identity, defaultWeights });
  });
  const done = new Map([...(before?.otherRows ?? []), ...(before?.rows ?? [])].map((row) => [row.key, row]));
  let basis: Basis | undefined;
  const close = async () => {
    basis = undefined;
    await net.close();
  };
  const scoreWith = (cifar10Test: SetScores): GeneratorScore => {
    const otherRows = [...done.values()].filter((row) => !planned.some(({ key }) => key === row.key));
    return {
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
      ...(otherRows.length === 0 ? {} : { otherRows }),
    };
  };
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
        basis = await closeOnError({ close }, () => computeBasis(net, { cifar10, numImages, folders }, progress));
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
          const imageFolder = join(scoring, `images-${row.key.slice(0, 12)}`);
          await closeOnError({ close }, async () => {
            const work = { row, basis: basis!, folder: imageFolder, runtime, labelerWeights, numImages };
            done.set(row.key, await scoreRow(work, context));
            await writeGeneratorScore(paths.json, scoreWith(work.basis.cifar10Test));
          });
          await forgetRowImages(imageFolder);
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
          const imagesPerSecond = await closeOnError({ close }, () => timing.finally(() => sampler.close()));
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
