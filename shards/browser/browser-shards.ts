import { shortHash } from "../../core/format.ts";
import { type FileSource, toByteSource } from "../arrow/byte-source.ts";
import type { ShardEntry } from "../format/manifest.ts";
import type { LocalShards } from "../remote/local-shards.ts";
import { ContentError } from "../remote/object-store.ts";
import { hashBytes } from "./hash-bytes.ts";
import type { ShardStorage } from "./shard-storage.ts";

/**
 * Fetched shards in the page's memory, and in its storage if it has one. Memory gives up the shards used longest ago
 * first.
 */
export class BrowserShards implements LocalShards {
  readonly maxOpen: number;
  readonly #maxBytes: number;
  readonly #storage: ShardStorage | undefined;
  /** Bytes by sha256, used longest ago first. */
  readonly #held = new Map<string, Uint8Array<ArrayBuffer>>();

  /**
   * @param options.maxBytes - bytes of the shards held in memory, including those that are being read
   * @param options.largest - bytes of the largest shard
   */
  constructor(options: {
    readonly maxBytes: number;
    readonly largest: number;
    readonly storage: ShardStorage | undefined;
  }) {
    this.#maxBytes = options.maxBytes;
    this.#storage = options.storage;
    this.maxOpen = Math.max(1, Math.floor(options.maxBytes / Math.max(1, options.largest)));
  }

  has(entry: ShardEntry): boolean {
    return this.#held.has(entry.sha256);
  }

  open(entry: ShardEntry): FileSource | undefined {
    const bytes = this.#held.get(entry.sha256);
    return bytes === undefined ? undefined : this.#hold(entry, bytes);
  }

  async check(entry: ShardEntry): Promise<FileSource | undefined> {
    const held = this.open(entry);
    if (held !== undefined || this.#storage === undefined) return held;
    const bytes = await this.#storage.read(nameOf(entry));
    // A damaged file stays until the shard is fetched and written anew.
    const isWhole = bytes?.byteLength === entry.bytes && (await hashBytes(bytes)) === entry.sha256;
    return isWhole ? this.#hold(entry, bytes) : undefined;
  }

  async add(entry: ShardEntry, pieces: AsyncIterable<Uint8Array>): Promise<FileSource> {
    const bytes = new Uint8Array(entry.bytes);
    let filled = 0;
    for await (const piece of pieces) {
      if (filled + piece.byteLength > bytes.byteLength) throw new ContentError(`more than ${entry.bytes} bytes`);
      bytes.set(piece, filled);
      filled += piece.byteLength;
    }
    const hash = await hashBytes(bytes.subarray(0, filled));
    if (hash !== entry.sha256) throw new ContentError(`${filled} bytes with sha256 ${shortHash(hash)}`);
    await this.#storage?.write(nameOf(entry), bytes);
    return this.#hold(entry, bytes);
  }

  #hold(entry: ShardEntry, bytes: Uint8Array<ArrayBuffer>): FileSource {
    this.#held.delete(entry.sha256);
    this.#held.set(entry.sha256, bytes);
    let total = [...this.#held.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
    for (const [sha256, { byteLength }] of this.#held) {
      if (total <= this.#maxBytes || sha256 === entry.sha256) break;
      this.#held.delete(sha256);
      total -= byteLength;
    }
    const isRemoved = () => !this.#held.has(entry.sha256);
    return { ...toByteSource(bytes, entry.file), isRemoved, close: () => undefined };
  }
}

function nameOf({ sha256 }: ShardEntry): string {
  return `${sha256}.arrow`;
}
