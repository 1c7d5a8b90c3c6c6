import * as z from "zod";
import { describeIssue } from "../../core/describe-issue.ts";
import { Cifar5mError } from "../../core/errors.ts";
import { precisions } from "../../engine/executor.ts";
import { sealJson, unsealJson } from "../../storage/canonical-json.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import { featuresSchema, referenceSchema, setScoresSchema } from "./score.ts";

/** The version of generator-score.json that this code writes, and the only one it reads. */
export const generatorScoreVersion = 1;

/** The figures and the cost of a sampler. */
const rowScoreSchema = z.strictObject({
  /** Hash of everything that determines the images and the figures. A row with the same key is not generated again. */
  key: z.string(),
  name: z.string(),
  series: z.string(),
  /** sha256 of the weights. */
  generator: z.string(),
  /** The resolved sampler options. */
  sampler: z.record(z.string(), z.unknown()),
  seed: z.number(),
  engine: z.string(),
  device: z.string(),
  /** float32 if it is missing. */
  precision: z.enum(precisions).optional(),
  ...setScoresSchema.shape,
  /** Fraction of the images for which the labeler finds the requested class. */
  agreement: z.number().optional(),
  meanConfidence: z.number(),
  nfe: z.number(),
  imagesPerSecond: z.number(),
  /** Largest resident memory of the process while sampling, MB. */
  peakMegabytes: z.number(),
});

/** generator-score.json, without its checksum. */
export const generatorScoreSchema = z.strictObject({
  version: z.literal(generatorScoreVersion).describe("of the format"),
  createdBy: z.string().describe("program and version"),
  reference: referenceSchema.describe("name, count, sha256"),
  features: featuresSchema.describe("network, sha256, width"),
  labeler: z.string().describe("sha256 of its weights"),
  cifar10Test: setScoresSchema.describe("count, frechetDistance, compared, manifold"),
  rows: z.array(rowScoreSchema).describe("the same of each row, with name, sampler, nfe, imagesPerSecond, …"),
  otherRows: z.array(rowScoreSchema).optional().describe("rows of earlier lists, which a later list may ask for again"),
});

export type GeneratorScore = Readonly<z.infer<typeof generatorScoreSchema>>;
export type RowScore = Readonly<z.infer<typeof rowScoreSchema>>;

/**
 * @returns undefined if the file does not exist yet
 * @throws Cifar5mError `json/corrupt`, `score/unreadable`, `disk/…`
 */
export async function readGeneratorScore(path: string): Promise<GeneratorScore | undefined> {
  const text = await readTextIfAny(path);
  if (text === undefined) return undefined;
  const value = unsealJson(text, path);
  const parsed = generatorScoreSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Cifar5mError(
    "score/unreadable",
    `${path}: ${describeIssue(parsed.error, generatorScoreSchema, value)}. Use the cifar5m that wrote it, or delete it to start anew.`,
  );
}

export async function writeGeneratorScore(path: string, score: GeneratorScore): Promise<void> {
  await replaceBytes(path, sealJson(score));
}
