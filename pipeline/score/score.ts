import * as z from "zod";
import { isObject } from "../../core/is-object.ts";
import { unsealJson } from "../../storage/canonical-json.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import { parseRecord, safeCount } from "../../storage/record-schema.ts";

/** The version of score.json that this code writes. */
export const scoreVersion = 2;

/** How two clouds of feature vectors overlap. */
const manifoldSchema = z.object({
  /** Fraction of the synthetic images within the ball of some real image. */
  precision: z.number(),
  /** Fraction of the real images within the ball of some synthetic image. */
  recall: z.number(),
  /** Average number of real balls that hold a synthetic image, over the number of neighbors; about 1 for equal clouds. */
  density: z.number(),
  /** Fraction of the real images whose ball holds a synthetic image. */
  coverage: z.number(),
});

/** How a set of images compares with CIFAR-10 train. */
export const setScoresSchema = z.object({
  /** Number of images that the distance is computed from. */
  count: safeCount,
  /** Squared distance between the features' Gaussians, to the whole reference. */
  frechetDistance: z.number(),
  /** Number of images of each side that precision, recall, density and coverage are computed from. */
  compared: z.object({ count: safeCount, reference: safeCount }),
  manifold: manifoldSchema,
});

export const referenceSchema = z.object({ name: z.literal("CIFAR-10 train"), count: safeCount, sha256: z.string() });

/** The network that made the features. Distances of different features cannot be compared. */
export const featuresSchema = z.object({ network: z.string(), sha256: z.string(), width: safeCount });

/** How a set labels its own images. */
const labelsSchema = z.object({
  /** Number of images examined. */
  count: safeCount,
  /** Fraction of the images with a requested class whose label is that class; left out if no class was requested. */
  agreement: z.number().optional(),
  meanConfidence: z.number(),
  /** Fraction of the train and test images of the whole set by label, in [0, 1]. */
  classShares: z.record(z.string(), z.number()).refine((shares) => Object.keys(shares).length > 0),
});

/** Number of images that are memorized train images, by two tests. */
const memorizationSchema = z.object({
  count: safeCount,
  /** d₁/d₂ < 1/3. It misses train images that have a twin. */
  memorized: safeCount,
  /** d₁ < half the mean distance of the 50 nearest: the adaptive test, which twins do not mislead. */
  memorizedAdaptive: safeCount,
  medianRatio: z.number(),
});

/** The cost of an image. */
const speedSchema = z.object({
  /** sha256 of the weights. */
  sha256: z.string(),
  /** Denoiser calls per image. */
  nfe: z.number(),
  imagesPerSecond: z.number(),
  engine: z.string(),
  device: z.string(),
  /** The resolved sampler options. */
  sampler: z.record(z.string(), z.unknown()).optional(),
});

const errorsSchema = z.object({ cifar10: z.number(), synthetic: z.number() });

/** Test errors of classifiers, in [0, 1]. For training on synthetic and testing on CIFAR-10 images it is 1 − CAS. */
const crossErrorsSchema = z.object({
  /** Number of images of a kind that a classifier was trained on. */
  trainCount: safeCount,
  testCount: z.object({ cifar10: safeCount, synthetic: safeCount }),
  /** Training steps of each classifier. Older scores have none: there the one of both took twice those of the others. */
  steps: safeCount.optional(),
  /** Epochs of a classifier of one kind. If there are steps, the one of both has half as many. */
  epochs: z.number(),
  /** Error by the kind of the train images, then by the kind of the test images. Older scores have none of both. */
  error: z.object({ cifar10: errorsSchema, synthetic: errorsSchema, both: errorsSchema.optional() }),
});

/** score.json, without its checksum. */
export const scoreSchema = z.object({
  version: z.literal(scoreVersion).describe("of the format"),
  createdBy: z.string().describe("program and version"),
  seed: safeCount.describe("of the images that were chosen"),
  dataset: z
    .object({ name: z.string(), sha256: z.string(), trainImages: safeCount })
    .describe("the set: its name, the hash of its manifest, its train images"),
  reference: referenceSchema.describe("what images are compared with"),
  features: featuresSchema.describe("the network that made the features, the hash of its weights, numbers an image"),
  synthetic: setScoresSchema.describe("of the set: count, frechetDistance, compared, manifold"),
  cifar10Test: setScoresSchema.describe("the same of CIFAR-10 test, with as many images if it has them"),
  labels: labelsSchema.describe("count, agreement, meanConfidence, classShares"),
  neighbors: memorizationSchema.describe(
    "count, and how many of them are memorized train images: by d₁/d₂ < 1/3, and by the adaptive test; medianRatio",
  ),
  generator: speedSchema.optional().describe("sha256, nfe, imagesPerSecond, engine, device, sampler"),
  classification: crossErrorsSchema.optional().describe("with --cas: trainCount, testCount, steps, epochs, error"),
});

export type Score = Readonly<z.infer<typeof scoreSchema>>;
export type ManifoldScores = Readonly<z.infer<typeof manifoldSchema>>;
export type SetScores = Readonly<z.infer<typeof setScoresSchema>>;
export type LabelScores = Readonly<z.infer<typeof labelsSchema>>;
export type Memorization = Readonly<z.infer<typeof memorizationSchema>>;
export type GeneratorSpeed = Readonly<z.infer<typeof speedSchema>>;
export type CrossErrors = Readonly<z.infer<typeof crossErrorsSchema>>;

/**
 * Reads score.json, of this version or an earlier one.
 * @returns undefined if the file does not exist
 * @throws Cifar5mError `json/corrupt`, `score/version-unsupported`, `score/invalid`, `disk/…`
 */
export async function readScore(path: string): Promise<Score | undefined> {
  const text = await readTextIfAny(path);
  if (text === undefined) return undefined;
  const value = inTermsOfVersion2(unsealJson(text, path));
  return parseRecord(scoreSchema, value, "score", path, scoreVersion, "Score the set again.");
}

/** Version 1 called memorized images near-copies. */
function inTermsOfVersion2(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { version, neighbors } = value;
  if (version !== 1 || !isObject(neighbors)) return value;
  const { nearCopies, adaptiveNearCopies, ...others } = neighbors;
  return {
    ...value,
    version: scoreVersion,
    neighbors: { ...others, memorized: nearCopies, memorizedAdaptive: adaptiveNearCopies },
  };
}
