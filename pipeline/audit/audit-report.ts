import * as z from "zod";
import { z975 } from "../../core/normal-quantile.ts";
import { unsealJson } from "../../storage/canonical-json.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import { parseRecord } from "../../storage/record-schema.ts";

/** The version of audit.json that this code writes. */
export const auditVersion = 1;

const count = z.int().min(0);
const share = z.number().min(0).max(1);

/** Images with a property, among the audited ones. */
const rateSchema = z.strictObject({
  count,
  share,
  /** Confidence interval (95%, Wilson) of the share in the whole set; the share itself if the whole set was audited. */
  interval: z.tuple([share, share]),
});

/** What is near the images among those of one split of CIFAR-10. */
const referencesSchema = z.strictObject({
  /** Calibrated: the other image leaves at most `nearCopyResidual` unexplained. */
  nearCopies: rateSchema,
  /** d₁/d₂ < 1/3. */
  ratioBelowThird: rateSchema,
  /** d₁ < half the mean distance of the 50 nearest. */
  adaptive: rateSchema,
  /** Quantiles of d₁ over the images, in pixel values: root of the mean squared difference. */
  distance: z.strictObject({ smallest: z.number(), percent1: z.number(), median: z.number() }),
  medianRatio: z.number(),
});

const classCounts = z.record(z.string(), count);

/** audit.json, without its checksum. */
export const auditSchema = z.strictObject({
  version: z.literal(auditVersion).describe("format of the file"),
  createdBy: z.string().describe("program and version"),
  seed: count.describe("seed of the sample and of the planted copies"),
  dataset: z
    .strictObject({ name: z.string(), sha256: z.string(), images: count })
    .describe("the set: its name, the hash of its manifest, its images"),
  reference: z
    .strictObject({ name: z.literal("CIFAR-10"), sha256: z.string(), train: count, test: count })
    .describe("what images are compared with"),
  audited: z
    .strictObject({ images: count, isSample: z.boolean() })
    .describe("number of images examined, and whether they are a random sample of the set"),
  nearCopyResidual: z.number().describe("what an aligned image may leave unexplained to be a near-copy"),
  planted: z
    .array(z.strictObject({ kind: z.string(), count, found: count }))
    .describe("copies of CIFAR-10 train images that this audit made itself, and how many of them it found"),
  train: referencesSchema.describe("how near the set is to CIFAR-10 train"),
  test: referencesSchema.describe("how near the set is to CIFAR-10 test"),
  /** Images by flag; see flags.arrow. */
  flags: z
    .strictObject({
      nearCopy: rateSchema,
      memorized: rateSchema,
      leak: rateSchema,
      /** Left out of an audit of a sample. */
      nearDuplicate: rateSchema.optional(),
      mislabeled: rateSchema,
    })
    .describe("images by flag, as in flags.arrow"),
  nearest: z
    .array(
      z.strictObject({
        id: count,
        of: z.enum(["train", "test"]),
        index: count,
        isMirrored: z.boolean(),
        residual: share,
        nearestIndex: count,
        distance: z.number(),
        ratio: z.number(),
      }),
    )
    .describe(
      "the images that CIFAR-10 explains best: the image that explains each, what it leaves unexplained, and the nearest " +
        "image with its distance (root mean square over pixel values from 0 to 255) and d₁/d₂; also in the picture",
    ),
  pairs: z
    .array(z.strictObject({ id: count, of: count, isMirrored: z.boolean(), residual: share }))
    .describe("pairs of near-duplicates within the set, the most similar first"),
  labels: z
    .strictObject({
      /** Rows by requested class, then by label; left out if no class was requested. */
      classAgainstLabel: z.array(z.array(count)).optional(),
      agreement: share.optional(),
      meanConfidence: share,
      /** 15 bins of equal width of confidence, from 0 to 1: images, mean confidence, and fraction with label = class. */
      confidence: z.array(z.strictObject({ count, mean: share, agreement: share.optional() })),
      /** The run's labeler on CIFAR-10 test; left out if the folder has no labeler of CIFAR-10. */
      labelerOnTest: z
        .strictObject({
          count,
          error: share,
          meanConfidence: share,
          expectedCalibrationError: share,
          bins: z.array(z.strictObject({ count, mean: share, accuracy: share })),
        })
        .optional(),
      /** Images whose label most confidently differs from their class. */
      mostLikelyMislabeled: z.array(
        z.strictObject({ id: count, class: z.string(), label: z.string(), confidence: share, classProbability: share }),
      ),
    })
    .describe("classes against labels, calibration, and the images most likely mislabeled"),
  balance: z
    .strictObject({
      /** Images by label before copies were removed; left out if the run no longer knows. */
      beforeRemovals: classCounts.optional(),
      published: classCounts,
      /** Published images without those flagged nearCopy, memorized, leak or nearDuplicate; left out for a sample. */
      unflagged: classCounts.optional(),
    })
    .describe("images by label: before copies were removed, as published, and without flagged ones"),
});

/** What an audit found. */
export type Audit = z.infer<typeof auditSchema>;
export type Rate = z.infer<typeof rateSchema>;

/**
 * Reads audit.json.
 * @returns undefined if the file does not exist
 * @throws Cifar5mError `json/corrupt`, `audit/version-unsupported`, `audit/invalid`, `disk/…`
 */
export async function readAudit(path: string): Promise<Audit | undefined> {
  const text = await readTextIfAny(path);
  if (text === undefined) return undefined;
  return parseRecord(auditSchema, unsealJson(text, path), "audit", path, auditVersion, "Audit the set again.");
}

/**
 * @param isSample - whether the images are a sample of the set
 * @see Wilson 1927, "Probable inference, the law of succession, and statistical inference"
 */
export function rateOf(count: number, images: number, isSample: boolean): Rate {
  const share = images === 0 ? 0 : count / images;
  if (!isSample || images === 0) return { count, share, interval: [share, share] };
  const squared = z975 ** 2;
  const middle = (share + squared / (2 * images)) / (1 + squared / images);
  const half =
    (z975 * Math.sqrt((share * (1 - share)) / images + squared / (4 * images ** 2))) / (1 + squared / images);
  return { count, share, interval: [Math.max(0, middle - half), Math.min(1, middle + half)] };
}
