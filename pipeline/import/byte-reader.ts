/** Reads a stream of bytes in pieces of exactly the requested size. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  readonly #endsEarly: () => Error;
  #rest: Uint8Array = new Uint8Array(0);

  /** @param endsEarly - makes the error for a stream that ends before the requested bytes */
  constructor(stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, endsEarly: () => Error) {
    this.#chunks = Symbol.asyncIterator in stream ? stream[Symbol.asyncIterator]() : stream[Symbol.iterator]();
    this.#endsEarly = endsEarly;
  }

  /** Returns the next `length` bytes in new memory. */
  async read(length: number): Promise<Uint8Array> {
    const target = new Uint8Array(length);
    for (let filled = 0; filled < length; ) {
      if (this.#rest.length === 0 && !(await this.#pull())) throw this.#endsEarly();
      const taken = this.#rest.subarray(0, length - filled);
      target.set(taken, filled);
      filled += taken.length;
      this.#rest = this.#rest.subarray(taken.length);
    }
    return target;
  }

  /** Whether the stream has no byte left. */
  async isAtEnd(): Promise<boolean> {
    return this.#rest.length === 0 && !(await this.#pull());
  }

  /** Ends the stream at any position. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #pull(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return false;
      this.#rest = next.value;
    }
    return true;
  }
}
