import { imageBytes } from "../../../core/image-layout.ts";

/** Memory for the noise of one batch, shared by threads. */
export interface BatchBuffers {
  /** Noise of the first call, float32 [images, 3, 32, 32]. */
  readonly start: Float32Array;
  /** Noise of the calls of a run, float32 [calls, images, 3, 32, 32]; two of them, so that one is filled while the other is used. */
  readonly calls: readonly [Float32Array, Float32Array];
}

/**
 * Buffers that batches take and return. As long as all are taken, further batches wait for their turn.
 * @param numBuffers - batches that can be under way at the same time
 * @param callsPerRun - 0 if calls add no noise
 */
export class BatchBufferPool {
  readonly #make: () => BatchBuffers;
  readonly #free: BatchBuffers[] = [];
  readonly #waiting: ((buffers: BatchBuffers) => void)[] = [];
  #numUnmade: number;

  constructor(numBuffers: number, batchSize: number, callsPerRun: number) {
    this.#numUnmade = numBuffers;
    const numbers = batchSize * imageBytes;
    this.#make = () => ({
      start: sharedNumbers(numbers),
      calls: [sharedNumbers(callsPerRun * numbers), sharedNumbers(callsPerRun * numbers)],
    });
  }

  async take(): Promise<BatchBuffers> {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#numUnmade > 0) {
      this.#numUnmade--;
      return this.#make();
    }
    return await new Promise((resolve) => this.#waiting.push(resolve));
  }

  give(buffers: BatchBuffers): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(buffers);
    else next(buffers);
  }
}

function sharedNumbers(count: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(4 * count));
}
