import { imageSide } from "../../core/image-layout.ts";
import { philox4x32, randomStreams } from "../../core/random.ts";

const twoToThe32 = 2 ** 32;

/**
 * The random numbers of one served sample: a pure function of (seed, epoch, position). They do not depend on batch
 * size, world size, or earlier samples. Each purpose has its own words, so unused purposes do not shift the others.
 */
export class SampleRandoms {
  readonly #seed: readonly [number, number];
  readonly #words = new Uint32Array(8);
  readonly #mixWords = new Uint32Array(4);
  #epoch = -1;
  #epochKey: [number, number] = [0, 0];
  #position = 0;

  constructor(seed: number) {
    this.#seed = [seed >>> 0, Math.floor(seed / twoToThe32)];
  }

  /** Moves to the sample that the following numbers are for. */
  moveTo(epoch: number, position: number): void {
    if (epoch !== this.#epoch) {
      const counter = [0, epoch >>> 0, Math.floor(epoch / twoToThe32), randomStreams.augmentation] as const;
      philox4x32([...counter], this.#seed, this.#words);
      this.#epochKey = [this.#words[0]!, this.#words[1]!];
      this.#epoch = epoch;
    }
    this.#position = position;
    this.#fill(0, this.#words, 0);
    this.#fill(1, this.#words, 4);
  }

  isFlipped(): boolean {
    return this.#words[0]! >= twoToThe32 / 2;
  }

  /** In [0, bound). */
  cropRow(bound: number): number {
    return this.#below(1, bound);
  }

  /** In [0, bound). */
  cropColumn(bound: number): number {
    return this.#below(2, bound);
  }

  /** Index, in [0, bound), of the other sample of the global batch to blend with. */
  mixupPartner(bound: number): number {
    return this.#below(3, bound);
  }

  /** Center row of the square, in [0, 32). */
  cutoutRow(): number {
    return this.#below(4, imageSide);
  }

  /** Center column of the square, in [0, 32). */
  cutoutColumn(): number {
    return this.#below(5, imageSide);
  }

  /**
   * A number from Beta(alpha, alpha): the share of the first of two gamma variates, each by the method of Marsaglia and
   * Tsang 2000 for shape alpha + 1, scaled by U^(1 / alpha).
   */
  mixupWeight(alpha: number): number {
    let block = 2;
    const gamma = () => {
      const d = alpha + 1 - 1 / 3;
      const c = 1 / Math.sqrt(9 * d);
      for (;;) {
        this.#fill(block++, this.#mixWords, 0);
        const [u0, u1, u2, u3] = Array.from(this.#mixWords, (word) => (word + 0.5) / twoToThe32);
        const normal = Math.sqrt(-2 * Math.log(u0!)) * Math.cos(2 * Math.PI * u1!);
        const v = (1 + c * normal) ** 3;
        if (v <= 0 || Math.log(u2!) >= normal ** 2 / 2 + d - d * v + d * Math.log(v)) continue;
        // Computed in logarithms: for small alpha both variates would be rounded to 0.
        return Math.log(d * v) + Math.log(u3!) / alpha;
      }
    };
    return 1 / (1 + Math.exp(-(gamma() - gamma())));
  }

  #below(word: number, bound: number): number {
    return Math.floor((this.#words[word]! / twoToThe32) * bound);
  }

  #fill(block: number, out: Uint32Array, offset: number): void {
    const high = Math.floor(this.#position / twoToThe32);
    philox4x32([block, this.#position >>> 0, high, randomStreams.augmentation], this.#epochKey, out, offset);
  }
}
