import { argmax } from "../../core/argmax.ts";
import { Cifar5mError } from "../../core/errors.ts";
import { imageAt, imageBytes } from "../../core/image-layout.ts";
import type { ExtraValues } from "../rows/extra-columns.ts";
import type { Samples } from "../rows/samples.ts";
import type { LiveSamples, LiveSource } from "./live-source.ts";

/** Samples beyond the pool that were made for one batch. */
export class LivePool {
  readonly #indices: ReadonlyMap<number, number>;
  readonly #numClasses: number;
  readonly #ids: Float64Array;
  readonly #images: Uint8Array;
  readonly #probabilities: Float32Array;
  readonly #classes: LiveSamples["classes"];

  private constructor(indices: ReadonlyMap<number, number>, ids: Float64Array, made: LiveSamples, numClasses: number) {
    this.#numClasses = numClasses;
    this.#indices = indices;
    this.#ids = ids;
    this.#images = made.images;
    this.#probabilities = made.probabilities;
    this.#classes = made.classes;
  }

  /**
   * @param positions - positions of samples in the order; those below `poolSize` are skipped
   * @param options.firstId - id of the sample at position `poolSize`
   * @throws Cifar5mError `live/wrong-size` if the source returns another number of images than requested
   */
  static async make(
    source: LiveSource,
    positions: readonly number[],
    { poolSize, firstId, numClasses }: Readonly<Record<"poolSize" | "firstId" | "numClasses", number>>,
  ): Promise<LivePool> {
    const wanted = [...new Set(positions.filter((position) => position >= poolSize))];
    const ids = Float64Array.from(wanted, (position) => firstId + position - poolSize);
    const made = await source.sample(ids);
    const [numImages, numProbabilities] = [made.images.length / imageBytes, made.probabilities.length / numClasses];
    if (numImages !== ids.length || numProbabilities !== ids.length || made.classes.length !== ids.length) {
      throw new Cifar5mError(
        "live/wrong-size",
        `the live source must make ${ids.length} samples, but it made ${numImages} images, ${numProbabilities} rows of ` +
          `probabilities and ${made.classes.length} classes. Fix its sample().`,
      );
    }
    return new LivePool(new Map(wanted.map((position, index) => [position, index])), ids, made, numClasses);
  }

  /** Copies id, label and image of a position to `target[index]`. */
  read(position: number, index: number, target: Samples): void {
    const liveIndex = this.#indices.get(position)!;
    target.ids[index] = this.#ids[liveIndex]!;
    target.labels[index] = this.#labelOf(liveIndex);
    target.images.set(imageAt(this.#images, liveIndex), index * imageBytes);
  }

  readExtras(position: number, index: number, target: ExtraValues): void {
    const liveIndex = this.#indices.get(position)!;
    const probabilities = this.#probabilitiesOf(liveIndex);
    if (target.classes !== undefined) target.classes[index] = this.#classes[liveIndex]!;
    if (target.confidences !== undefined) target.confidences[index] = probabilities[this.#labelOf(liveIndex)]!;
    target.probabilities?.set(probabilities, index * this.#numClasses);
  }

  #labelOf(liveIndex: number): number {
    return argmax(this.#probabilitiesOf(liveIndex));
  }

  #probabilitiesOf(liveIndex: number): Float32Array {
    return this.#probabilities.subarray(liveIndex * this.#numClasses, (liveIndex + 1) * this.#numClasses);
  }
}
