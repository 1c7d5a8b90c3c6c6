/** The code of each worker of `NoiseMaker`. */

import { imageBytes } from "../../../core/image-layout.ts";
import { fillFloat32Normals } from "../../../core/normals/fill-float32-normals.ts";
import type { RandomStream } from "../../../core/random.ts";

/** Noise of some images, for one call or for several. */
export interface NoiseTask {
  readonly seed: number;
  readonly stream: RandomStream;
  readonly ids: readonly number[];
  /** For each call, how many of an image's numbers come before; undefined for a call without noise, which gets zeros. */
  readonly skips: readonly (number | undefined)[];
  /** What the normal numbers are multiplied by. */
  readonly factor: number;
  /** Receives the noise, float32 [calls, images, 3, 32, 32], in memory that threads share. */
  readonly out: Float32Array;
}

/** Makes the noise of a task. The noise of an image is a pure function of seed, stream, id and skip. */
export default function makeNoise({ seed, stream, ids, skips, factor, out }: NoiseTask): void {
  for (const [call, skip] of skips.entries()) {
    for (const [index, id] of ids.entries()) {
      const from = (call * ids.length + index) * imageBytes;
      const part = out.subarray(from, from + imageBytes);
      if (skip === undefined) part.fill(0);
      else fillFloat32Normals({ seed, stream, id, skip }, part, factor);
    }
  }
}
