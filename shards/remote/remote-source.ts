import pLimit, { type LimitFunction } from "p-limit";
import pRetry from "p-retry";
import { Cifar5mError } from "../../core/errors.ts";
import { shortHash } from "../../core/format.ts";
import type { FileSource } from "../arrow/byte-source.ts";
import { type FlagsDescription, tableEntry } from "../format/flags.ts";
import type { Manifest, ShardEntry } from "../format/manifest.ts";
import type { FlagsTable, ShardSource } from "../rows/shard-source.ts";
import { fetchFlags } from "./fetch-manifest.ts";
import type { LocalShards } from "./local-shards.ts";
import { ContentError, type ObjectStore, TransferError } from "./object-store.ts";
import { receiveObject } from "./receive-object.ts";
import { tooSlow, unreachable } from "./transfer-failure.ts";
import type { TransferPolicy } from "./transfer-options.ts";

/** How often a shard that arrived whole but wrong is fetched again. */
const maxRefetches = 2;

/** The shards of a store. Each is fetched whole into the cache when it is first needed, and checked there. */
export class RemoteSource implements ShardSource {
  readonly isRemote = true;
  readonly location: string;
  readonly maxOpen?: number;
  readonly #store: ObjectStore;
  readonly #cache: LocalShards;
  readonly #policy: TransferPolicy;
  readonly #signal: AbortSignal | undefined;
  readonly #requests: LimitFunction;
  readonly #shards: LimitFunction;

  constructor(options: {
    readonly store: ObjectStore;
    readonly cache: LocalShards;
    readonly policy: TransferPolicy;
    readonly signal: AbortSignal | undefined;
  }) {
    this.location = options.store.location;
    if (options.cache.maxOpen !== undefined) this.maxOpen = options.cache.maxOpen;
    this.#store = options.store;
    this.#cache = options.cache;
    this.#policy = options.policy;
    this.#signal = options.signal;
    this.#requests = pLimit(options.policy.maxRequests);
    this.#shards = pLimit(options.policy.maxRequests);
  }

  open(entry: ShardEntry): FileSource | undefined {
    return this.#cache.open(entry);
  }

  isLocal(entry: ShardEntry): boolean {
    return this.#cache.has(entry);
  }

  fetch(entry: ShardEntry, signal: AbortSignal): Promise<FileSource> {
    const asked = this.#signal === undefined ? signal : AbortSignal.any([signal, this.#signal]);
    return this.#shards(async () => {
      asked.throwIfAborted();
      // An earlier process may have fetched the shard, or another process while we waited for our turn.
      return (await this.#cache.check(entry, asked)) ?? (await this.#download(entry, asked));
    });
  }

  async openFlags(manifest: Manifest, signal: AbortSignal): Promise<FlagsTable> {
    const description = await this.describeFlags(manifest, signal);
    return { file: await this.fetch(tableEntry(description), signal), sha256: description.sha256 };
  }

  /** The description of the flags. Throws as `fetchFlags`. */
  async describeFlags(manifest: Manifest, signal: AbortSignal): Promise<FlagsDescription> {
    const asked = this.#signal === undefined ? signal : AbortSignal.any([signal, this.#signal]);
    return await fetchFlags(this.#store, manifest, this.#policy, asked);
  }

  async #download(entry: ShardEntry, asked: AbortSignal): Promise<FileSource> {
    const deadline = AbortSignal.timeout(this.#policy.totalMs);
    const job = {
      store: this.#store,
      name: entry.file,
      bytes: entry.bytes,
      policy: this.#policy,
      limit: this.#requests,
      signal: AbortSignal.any([asked, deadline]),
    };
    try {
      return await pRetry(() => this.#cache.add(entry, receiveObject(job)), {
        signal: job.signal,
        retries: maxRefetches,
        minTimeout: this.#policy.firstDelayMs,
        maxTimeout: this.#policy.maxDelayMs,
        randomize: true,
        shouldRetry: ({ error }) => error instanceof ContentError,
      });
    } catch (thrown) {
      asked.throwIfAborted();
      throw describeFailure(thrown, this.#store.urlOf(entry.file), entry, this.#policy, deadline);
    }
  }
}

function describeFailure(
  thrown: unknown,
  url: string,
  entry: Pick<ShardEntry, "bytes" | "sha256">,
  policy: TransferPolicy,
  deadline: AbortSignal,
): unknown {
  if (thrown instanceof ContentError) {
    return new Cifar5mError(
      "store/wrong-content",
      `${url} must be ${entry.bytes} bytes with sha256 ${shortHash(entry.sha256)}, but ${maxRefetches + 1} times it was ${thrown.message}. ` +
        "Publish the data set there again, or let the server send files as they are.",
      { cause: thrown },
    );
  }
  if (thrown instanceof TransferError) return unreachable(url, `failed ${thrown.numFailures} times`, thrown);
  if (deadline.aborted) return tooSlow(url, policy, thrown);
  return thrown;
}
