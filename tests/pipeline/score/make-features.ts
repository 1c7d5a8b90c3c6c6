import { fillNormals } from "../../../core/random.ts";
import type { Features } from "../../../pipeline/score/features.ts";

/** Independent normal numbers of a given mean and std. */
export function normalFeatures(options: {
  readonly count: number;
  readonly width: number;
  readonly mean?: number;
  readonly std?: number;
  readonly id?: number;
}): Features {
  const { count, width, mean = 0, std = 1, id = 0 } = options;
  const values = new Float32Array(count * width);
  fillNormals({ seed: 4, stream: 0, id }, values);
  return { count, width, values: values.map((value) => mean + std * value) };
}
