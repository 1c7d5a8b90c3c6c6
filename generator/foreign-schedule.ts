import * as z from "zod";
import type { Tensor } from "../engine/graph/graph.ts";
import { tensorData } from "../engine/graph/tensor.ts";
import { sum } from "../engine/ops/broadcast.ts";
import { cast, div, greater, log, maximum, minimum, sub } from "../engine/ops/elementwise.ts";
import { reshape } from "../engine/ops/reshape.ts";

const steps = z.int().min(2).max(100_000).default(1000);
const beta = z.number().gt(0).lt(1);

/** The noise levels at which a variance-preserving model was trained. */
export const scheduleSchema = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("linear"), steps, betaMin: beta.default(0.0001), betaMax: beta.default(0.02) }),
    z.strictObject({ kind: z.literal("cosine"), steps, offset: z.number().min(0).default(0.008) }),
    z.strictObject({ kind: z.literal("explicit"), alphasCumprod: z.array(z.number()).min(2) }),
  ])
  .superRefine((schedule, context) => {
    // A refinement runs even if a number is out of range, such as a huge `steps`.
    if (context.issues.length > 0) return;
    const alphas = alphasCumprod(schedule);
    const wrong = alphas.findIndex((alpha, index) => !(alpha > 0 && alpha < (alphas[index - 1] ?? 1)));
    if (wrong === -1) return;
    const message = `ᾱ must lie between 0 and 1 and fall at each timestep, got ${alphas[wrong]} at timestep ${wrong}`;
    context.addIssue({ code: "custom", message });
  });

export type NoiseSchedule = z.infer<typeof scheduleSchema>;

/**
 * ᾱ, the share of the image's variance that remains at each timestep.
 * @returns float64, strictly falling, in (0, 1)
 * @see linear: Ho et al. 2020, arXiv:2006.11239, section 4; cosine: Nichol and Dhariwal 2021, arXiv:2102.09672, eq. 17
 */
export function alphasCumprod(schedule: NoiseSchedule): Float64Array {
  if (schedule.kind === "explicit") return Float64Array.from(schedule.alphasCumprod);
  let product = 1;
  return Float64Array.from({ length: schedule.steps }, (_, index) => {
    product *= 1 - betaAt(schedule, index);
    return product;
  });
}

function betaAt(schedule: Exclude<NoiseSchedule, { kind: "explicit" }>, index: number): number {
  if (schedule.kind === "linear") {
    const { betaMin, betaMax } = schedule;
    return betaMin + ((betaMax - betaMin) * index) / (schedule.steps - 1);
  }
  const remains = (time: number) =>
    Math.cos((((time / schedule.steps + schedule.offset) / (1 + schedule.offset)) * Math.PI) / 2) ** 2;
  return Math.min(1 - remains(index + 1) / remains(index), 0.999);
}

/**
 * The timesteps of a schedule for given noise levels. Integer timesteps are the nearest ones in ln(sigma). Fractional
 * timesteps interpolate linearly in ln(sigma). Levels beyond an end of the schedule give the timestep of that end.
 * @param sigma - ratio of noise to image, float32 [B]; sqrt(ᾱ) x₀ + sqrt(1 − ᾱ) ε has the level sqrt((1 − ᾱ) / ᾱ)
 * @returns [B]
 */
export function timestepsAt(schedule: NoiseSchedule, sigma: Tensor, dtype: "float32" | "int64" | "int32"): Tensor {
  const levels = alphasCumprod(schedule).map((alpha) => Math.log((1 - alpha) / alpha) / 2);
  const row = (values: Float64Array) =>
    sigma.graph.constant(tensorData("float32", [1, values.length], Float32Array.from(values)));
  const [lower, upper] = [levels.subarray(0, -1), levels.subarray(1)];
  const level = reshape(log(sigma), [-1, 1]);
  if (dtype !== "float32") {
    const middles = row(lower.map((value, index) => (value + upper[index]!) / 2));
    return cast(sum(cast(greater(level, middles), "float32"), { axes: [1] }), dtype);
  }
  const parts = div(sub(level, row(lower)), row(upper.map((value, index) => value - lower[index]!)));
  return sum(minimum(maximum(parts, 0), 1), { axes: [1] });
}
