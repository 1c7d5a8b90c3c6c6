import * as z from "zod";
import { parseJson } from "../../core/parse-json.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import type { Score } from "../score/score.ts";

/**
 * Figures that another command has measured. `stale`: of another set than the one here, such as an earlier one of the
 * same folder. `unreadable`: the file is there, but cannot be understood.
 */
export type Measured<Value> =
  | { readonly kind: "found"; readonly value: Value }
  | { readonly kind: "none" | "stale" | "unreadable" };

const count = z.number().int().min(0);
const setScores = z.looseObject({
  count,
  frechetDistance: z.number(),
  compared: z.looseObject({ count, reference: count }),
  manifold: z.looseObject({
    precision: z.number(),
    recall: z.number(),
    density: z.number(),
    coverage: z.number(),
  }),
});
const errors = z.looseObject({ cifar10: z.number(), synthetic: z.number() });

/** What a card shows of score.json. */
const scoreSchema = z.looseObject({
  seed: z.number(),
  dataset: z.looseObject({ name: z.string(), sha256: z.string(), trainImages: count }),
  reference: z.looseObject({ name: z.string(), count }),
  features: z.looseObject({ network: z.string(), sha256: z.string(), width: count }),
  synthetic: setScores,
  cifar10Test: setScores,
  labels: z.looseObject({
    count,
    agreement: z.number().optional(),
    meanConfidence: z.number(),
    classShares: z.record(z.string(), z.number()).refine((shares) => Object.keys(shares).length > 0),
  }),
  neighbors: z.looseObject({ count, nearCopies: count, adaptiveNearCopies: count, medianRatio: z.number() }),
  generator: z
    .looseObject({
      sha256: z.string(),
      nfe: z.number(),
      imagesPerSecond: z.number(),
      engine: z.string(),
      device: z.string(),
    })
    .optional(),
  classification: z
    .looseObject({
      trainCount: count,
      testCount: errors,
      epochs: z.number(),
      error: z.looseObject({ cifar10: errors, synthetic: errors, both: errors.optional() }),
    })
    .optional(),
});

/** @param path - score.json; @param set - sha256 of the set */
export async function readMeasuredScore(path: string, set: string): Promise<Measured<Score>> {
  const found = await readJsonIfAny(path);
  if (found.kind !== "found") return found;
  const parsed = scoreSchema.safeParse(found.value);
  if (!parsed.success) return { kind: "unreadable" };
  // What the schema leaves out, a card does not show.
  return parsed.data.dataset.sha256 === set
    ? { kind: "found", value: parsed.data as unknown as Score }
    : { kind: "stale" };
}

/** Figures of an audit by name, as a card shows them: `nearCopies.train` and its value. */
export type AuditFigures = readonly (readonly [string, string])[];

/** Number of figures that a card shows of an audit, at most. */
const maxFigures = 60;

/** A number of images, with its share of the audited ones and the confidence interval of that. */
const rateSchema = z.looseObject({ count, share: z.number(), interval: z.tuple([z.number(), z.number()]) });
/** Copies that an audit has planted to be found. */
const plantedSchema = z.array(z.looseObject({ kind: z.string(), count, found: count })).min(1);

/**
 * Reads the figures of audit.json: whatever it holds as texts, numbers, truth values, rates and planted copies, except for
 * the balance of classes, which a card shows as a table of its own. Other lists are counted.
 * @param path - audit.json
 * @param set - sha256 of the set
 */
export async function readMeasuredAudit(path: string, set: string): Promise<Measured<AuditFigures>> {
  const found = await readJsonIfAny(path);
  if (found.kind !== "found") return found;
  const parsed = z.looseObject({ dataset: z.looseObject({ sha256: z.string() }) }).safeParse(found.value);
  if (!parsed.success) return { kind: "unreadable" };
  if (parsed.data.dataset.sha256 !== set) return { kind: "stale" };
  const { dataset: _, checksum: __, version: ___, balance: ____, ...figures } = parsed.data;
  return { kind: "found", value: flatten(figures).slice(0, maxFigures) };
}

function flatten(value: unknown, name = ""): (readonly [string, string])[] {
  const planted = plantedSchema.safeParse(value).data;
  if (planted !== undefined) return planted.map((of) => [`${name}: ${of.kind}`, `${of.found} of ${of.count} found`]);
  const rate = rateSchema.safeParse(value).data;
  if (rate !== undefined) {
    const [low, high] = rate.interval;
    const interval = low === high ? "" : `, 95% interval ${percent(low)} to ${percent(high)}`;
    return [[name, `${rate.count} (${percent(rate.share)}${interval})`]];
  }
  if (Array.isArray(value)) return [[name, `${value.length} entries`]];
  if (typeof value !== "object" || value === null) return value === null ? [] : [[name, String(value)]];
  return Object.entries(value).flatMap(([key, inner]) => flatten(inner, name === "" ? key : `${name}.${key}`));
}

function percent(share: number): string {
  return `${(100 * share).toPrecision(3)}%`;
}

async function readJsonIfAny(path: string): Promise<Measured<unknown>> {
  const text = await readTextIfAny(path);
  if (text === undefined) return { kind: "none" };
  try {
    return { kind: "found", value: parseJson(text) };
  } catch {
    return { kind: "unreadable" };
  }
}
