import { rm } from "node:fs/promises";
import { join } from "node:path";
import { closeOnError } from "../../core/close-on-error.ts";
import { programVersion } from "../../core/program-version.ts";
import { hashConfig, sealJson } from "../../storage/canonical-json.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { sha256 } from "../../storage/sha256.ts";
import { openCifar10 } from "../cifar-10/open-cifar-10.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import type { Config } from "../run/config.ts";
import { findDataset } from "../run/find-dataset.ts";
import type { RunFolder } from "../run/run-folder.ts";
import type { StageContext } from "../run/stage.ts";
import type { Step } from "../run/step.ts";
import { classifySteps, requireClasses } from "./classify-steps.ts";
import { describeScore } from "./describe-score.ts";
import { requireEnoughImages } from "./feature-statistics.ts";
import { sliceFeatures } from "./features.ts";
import { computeKeptFeatures } from "./kept-features.ts";
import { measureSpeed } from "./measure-speed.ts";
import { type FeatureNetChoice, openFeatureNet } from "./open-feature-net.ts";
import { pickScoredImages } from "./pick-scored-images.ts";
import { compareWithReference, computeCifar10Features, computeReference } from "./reference.ts";
import { type Score, scoreVersion } from "./score.ts";
import { scoreLabels } from "./score-labels.ts";
import { scoreNeighbors } from "./score-neighbors.ts";

/** What to score, and how thoroughly. */
export interface ScoreOptions {
  /** A run folder, or a data set folder. */
  readonly folder: RunFolder;
  readonly config: Config;
  readonly runtime: ModelRuntime;
  /** Path of CIFAR-10; by default the run's copy. */
  readonly data?: string | undefined;
  readonly features: FeatureNetChoice;
  /** Folder in which all runs keep features of CIFAR-10. */
  readonly cache?: string | undefined;
  /** Number of images that distances are computed from; fewer if the set has fewer. */
  readonly numImages: number;
  /** Number of images whose nearest train images are looked up. */
  readonly numNeighbors: number;
  /** Number of images that classifiers are trained on; by default none are trained. */
  readonly numClassified?: number | undefined;
}

/** The figures of a score, as far as the steps have computed them. */
type PartialScore = { -readonly [Key in keyof Score]?: Score[Key] };

/**
 * The steps that score a data set. The last one writes score.json, score.md and score-neighbors.png into its folder.
 * @throws Cifar5mError `manifest/…`, `run/data-missing`, `cifar10/…`, `features/…`, `score/other-classes`, `disk/…`,
 *   before any work
 */
export async function scoreDatasetSteps(options: ScoreOptions): Promise<readonly Step[]> {
  const { folder, config, runtime, numImages, numClassified } = options;
  const { directory, manifest } = await findDataset(folder.root);
  if (numClassified !== undefined) requireClasses(manifest, directory);
  const cifar10 = await openCifar10({ folder, data: options.data, recordsPerFile: config.recordsPerFile });
  const net = await openFeatureNet(options.features, config);
  const { train, test } = cifar10;
  const count = Math.min(numImages, manifest.splits.train.rows);
  await closeOnError(net, async () => requireEnoughImages(count, net.width, manifest.name));
  const found: PartialScore = {};
  const pick = (signal: AbortSignal) =>
    pickScoredImages({ directory, split: "train", count, seed: config.seed, signal });
  const countInto = (name: string, context: StageContext) => ({
    signal: context.signal,
    count: (images: number) => context.count(`${name}/images`, images),
    countKept: (images: number) => context.count(`${name}/kept`, images),
  });
  const { scoring } = folder;
  const folders = { cache: options.cache, scoring };
  let featuresOfSet: string | undefined;
  return [
    {
      name: "score-features",
      total: train.labels.length + test.labels.length + count,
      async *run(context) {
        const progress = countInto("score-features", context);
        try {
          const picked = await pick(context.signal);
          featuresOfSet = join(scoring, `features-${hashConfig([net.sha256, sha256(picked.images)]).slice(0, 12)}`);
          const features = await computeKeptFeatures(net, picked.images, [featuresOfSet], progress);
          const testFeatures = await computeCifar10Features(net, cifar10, "test", folders, progress);
          const reference = await computeReference(net, cifar10, folders, progress);
          found.synthetic = await compareWithReference(reference, features, manifest.name);
          found.cifar10Test = await compareWithReference(
            reference,
            sliceFeatures(testFeatures, 0, count),
            "CIFAR-10 test",
          );
          found.labels = scoreLabels(picked, manifest);
        } finally {
          await net.close();
        }
        yield found.synthetic;
      },
    },
    {
      name: "score-neighbors",
      total: Math.min(options.numNeighbors, count),
      async *run(context) {
        const picked = await pick(context.signal);
        found.neighbors = await scoreNeighbors(
          { ...options, cifar10, picked, classNames: manifest.classNames },
          countInto("score-neighbors", context),
        );
        yield found.neighbors;
      },
    },
    {
      name: "score-speed",
      total: 0,
      async *run({ signal }) {
        const speed = await measureSpeed({ folder, config, runtime, signal });
        if (speed !== undefined) found.generator = speed;
        yield speed;
      },
    },
    ...(numClassified === undefined
      ? []
      : classifySteps({ ...options, numClassified, directory, manifest, cifar10 }, (errors) => {
          found.classification = errors;
        })),
    {
      name: "score",
      total: 0,
      async *run() {
        const score: Score = {
          version: scoreVersion,
          createdBy: programVersion,
          seed: config.seed,
          dataset: { name: manifest.name, sha256: manifest.sha256, trainImages: manifest.splits.train.rows },
          reference: { name: "CIFAR-10 train", count: train.labels.length, sha256: cifar10.sha256 },
          features: { network: net.name, sha256: net.sha256, width: net.width },
          ...(found as Omit<Score, "version" | "createdBy" | "seed" | "dataset" | "reference" | "features">),
        };
        const paths = folder.score;
        await replaceBytes(paths.markdown, describeScore(score));
        await replaceBytes(paths.json, sealJson(score));
        if (featuresOfSet !== undefined) await rm(featuresOfSet, { recursive: true, force: true });
        yield score;
      },
    },
  ];
}
