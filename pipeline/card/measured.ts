import * as z from "zod";
import { parseJson } from "../../core/parse-json.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import { type Audit, auditSchema } from "../audit/audit-report.ts";
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

/** @param path - audit.json; @param set - sha256 of the set */
export async function readMeasuredAudit(path: string, set: string): Promise<Measured<Audit>> {
  const found = await readJsonIfAny(path);
  if (found.kind !== "found") return found;
  const parsed = auditSchema.extend({ checksum: z.string() }).safeParse(found.value);
  if (!parsed.success) return { kind: "unreadable" };
  return parsed.data.dataset.sha256 === set ? { kind: "found", value: parsed.data } : { kind: "stale" };
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
