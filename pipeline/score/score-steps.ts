import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { cifar10ClassNames, imageBytes } from "../../core/image-layout.ts";
import { programVersion } from "../../core/program-version.ts";
import type { Manifest } from "../../shards/index.ts";
import { hashConfig, sealJson } from "../../storage/canonical-json.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { sha256 } from "../../storage/sha256.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import type { Config } from "../run/config.ts";
import { findDataset } from "../run/find-dataset.ts";
import type { RunFolder } from "../run/run-folder.ts";
import type { StageContext } from "../run/stage.ts";
import type { Step } from "../run/step.ts";
import {
  type CrossErrors,
  firstImages,
  hashOfClassifiers,
  type ImagesByKind,
  type Kind,
  kinds,
  trainAndTest,
} from "./cross-errors.ts";
import { describeScore } from "./describe-score.ts";
import { sliceFeatures } from "./features.ts";
import { findNeighbors } from "./find-neighbors.ts";
import { computeKeptFeatures } from "./kept-features.ts";
import { measureSpeed } from "./measure-speed.ts";
import { countNearCopies, usualNeighbors } from "./memorization.ts";
import { type FeatureNetChoice, openFeatureNet } from "./open-feature-net.ts";
import { pickScoredImages, type ScoredImages } from "./pick-scored-images.ts";
import {
  type Cifar10,
  compareWithReference,
  computeCifar10Features,
  computeReference,
  openCifar10,
} from "./reference.ts";
import { renderNeighborSheet } from "./render-neighbor-sheet.ts";
import { type Score, scoreVersion } from "./score.ts";
import { scoreLabels } from "./score-labels.ts";

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

/** Number of images on the sheet, and of train images beside each. */
const sheet = { rows: 20, neighbours: 6 } as const;
/** Number of test images per kind, at most: as many as CIFAR-10 has. */
const maxTested = 10_000;

type Partly<Whole> = { -readonly [Key in keyof Whole]?: Whole[Key] };

/**
 * The steps that score a data set. The last one writes score.json, score.md and score-neighbours.png into its folder.
 * @throws Cifar5mError `manifest/…`, `score/no-cifar-10`, `cifar10/…`, `features/…`, `score/other-classes`, `disk/…`,
 *   before any work
 */
export async function scoreSteps(options: ScoreOptions): Promise<readonly Step[]> {
  const { folder, config, runtime, numImages, numClassified } = options;
  const { directory, manifest } = await findDataset(folder.root);
  if (numClassified !== undefined) requireClasses(manifest, directory);
  const cifar10 = await openCifar10({ folder, data: options.data, recordsPerFile: config.recordsPerFile });
  const net = await openFeatureNet(options.features, config);
  const { train, test } = cifar10;
  const count = Math.min(numImages, manifest.splits.train.rows);
  const found: Partly<Score> = {};
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
          // Compute the set's features first, so that a set that is too small is found at once.
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
      name: "score-neighbours",
      total: train.labels.length,
      async *run(context) {
        const picked = await pick(context.signal);
        found.neighbours = await lookUpNeighbors(
          { ...options, cifar10, picked, classNames: manifest.classNames },
          countInto("score-neighbours", context),
        );
        yield found.neighbours;
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

async function lookUpNeighbors(
  options: ScoreOptions & {
    readonly cifar10: Cifar10;
    readonly picked: ScoredImages;
    readonly classNames: readonly string[];
  },
  progress: { readonly signal: AbortSignal; readonly count: (images: number) => void },
) {
  const { folder, config, numNeighbors, picked, classNames } = options;
  const { train } = options.cifar10;
  const images = picked.images.subarray(0, numNeighbors * imageBytes);
  const found = await findNeighbors({ images, train: train.images, numNeighbors: usualNeighbors, ...progress });
  const nearCopies = countNearCopies(found);
  const rows = found.slice(0, sheet.rows).map((neighbours, index) => ({
    id: picked.ids[index]!,
    image: images.subarray(index * imageBytes, (index + 1) * imageBytes),
    label: classNames[picked.labels[index]!]!,
    neighbours,
  }));
  const subtitle =
    `${rows.length} train images at random (seed ${config.seed}), by their distance over all 3,072 values · near-copies ` +
    `(d₁/d₂ < 1/3) among ${nearCopies.count.toLocaleString("en")} images: ${nearCopies.nearCopies}`;
  const png = await renderNeighborSheet({ rows, train, numNeighbors: sheet.neighbours, subtitle });
  await replaceBytes(folder.score.neighbours, png);
  return nearCopies;
}

function classifySteps(
  options: ScoreOptions & {
    readonly numClassified: number;
    readonly directory: string;
    readonly manifest: Manifest;
    readonly cifar10: Cifar10;
  },
  onErrors: (errors: CrossErrors) => void,
): Step[] {
  const { config, runtime, directory, manifest, cifar10 } = options;
  const trainCount = Math.min(options.numClassified, manifest.splits.train.rows, cifar10.train.labels.length);
  const { seed, labeler } = config;
  const images = { set: manifest.sha256, cifar10: cifar10.sha256, trainCount };
  const folder = join(options.folder.scoring, `classifiers-${hashOfClassifiers(images, config).slice(0, 12)}`);
  const errors: Partial<Record<Kind, Record<Kind, number>>> = {};
  const load = async (signal: AbortSignal): Promise<ImagesByKind> => ({
    cifar10: { train: firstImages(cifar10.train, trainCount), test: cifar10.test },
    synthetic: {
      train: await pickScoredImages({ directory, split: "train", count: trainCount, seed, signal }),
      test: await pickScoredImages({ directory, split: "test", count: maxTested, seed, signal }),
    },
  });
  return kinds.map((kind) => ({
    name: `score-on-${kind}`,
    total: Math.max(1, Math.round((labeler.epochs * trainCount) / labeler.batchSize)) * labeler.batchSize,
    async *run(context) {
      const { signal } = context;
      const images = await load(signal);
      errors[kind] = await trainAndTest(
        kind,
        { images, folder, config, runtime },
        {
          signal,
          show: context.show,
          count: (seen) => context.count(`score-on-${kind}/images`, seen),
        },
      );
      const { cifar10: first, synthetic: second } = errors;
      if (first !== undefined && second !== undefined) {
        const testCount = {
          cifar10: images.cifar10.test.labels.length,
          synthetic: images.synthetic.test.labels.length,
        };
        const error = { cifar10: first, synthetic: second };
        onErrors({ trainCount, testCount, epochs: labeler.epochs, error });
      }
      yield errors[kind];
    },
  }));
}

/** Checks the requirements of classifiers that are tested on CIFAR-10: its classes, and held-out images. */
function requireClasses({ classNames, splits }: Manifest, directory: string): void {
  if (classNames.join() !== cifar10ClassNames.join()) {
    throw new Cifar5mError(
      "score/other-classes",
      `${directory} must have the classes of CIFAR-10 for --cas, but it has ${classNames.length} others. Leave --cas out.`,
    );
  }
  if (splits.test.rows > 0) return;
  throw new Cifar5mError(
    "score/no-test-images",
    `${directory} must have test images for --cas, which tests on held-out images, and has none. Build with --test-count, or leave --cas out.`,
  );
}
