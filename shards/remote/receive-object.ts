import type { LimitFunction } from "p-limit";
import { abortStalled } from "./abort-stalled.ts";
import { ContentError, type ObjectReply, type ObjectStore, TransferError } from "./object-store.ts";
import { retryInRow } from "./retry-in-row.ts";
import type { TransferPolicy } from "./transfer-options.ts";

/** An object to receive. */
export interface ObjectJob {
  readonly store: ObjectStore;
  readonly name: string;
  /** Its size. */
  readonly bytes: number;
  readonly policy: TransferPolicy;
  /** Limits the requests that run at once. */
  readonly limit: LimitFunction;
  readonly signal: AbortSignal;
}

/** Number of parts of an object that are requested at once. A part that arrives before its turn waits in memory. */
const partsAhead = 4;

/**
 * Receives the bytes of an object, in order. Parts come in parallel; a dropped connection is continued where it broke
 * off. If a server ignores ranges and sends the whole object, the bytes that were already received are skipped. Leaving
 * the loop aborts all requests.
 * @throws TransferError after too many failures in a row; ContentError if the object has another size, or changes while
 *   it is read; Cifar5mError `store/…`; the signal's reason
 */
export async function* receiveObject(job: ObjectJob): AsyncGenerator<Uint8Array> {
  const { bytes, policy } = job;
  const left = new AbortController();
  const reader = new PartReader({ ...job, signal: AbortSignal.any([job.signal, left.signal]) });
  const underWay: Promise<Uint8Array>[] = [];
  try {
    const first = await reader.receive(0, Math.min(policy.partBytes, bytes));
    yield first;
    for (let next = first.byteLength; next < bytes || underWay.length > 0; ) {
      while (next < bytes && underWay.length < partsAhead) {
        const end = Math.min(next + policy.partBytes, bytes);
        const part = reader.receive(next, end);
        // A part may fail before its turn. The error is thrown when its turn comes.
        part.catch(() => undefined);
        underWay.push(part);
        next = end;
      }
      const part = await underWay[0];
      underWay.shift();
      if (part !== undefined) yield part;
    }
  } finally {
    left.abort(new TransferError("the download was abandoned"));
    await Promise.allSettled(underWay);
  }
}

class PartReader {
  readonly #job: ObjectJob;
  #version: string | undefined;

  constructor(job: ObjectJob) {
    this.#job = job;
  }

  /** @returns the bytes [start, end); the whole object if start is 0 and the server ignores ranges */
  async receive(start: number, end: number): Promise<Uint8Array> {
    const { limit, policy, signal } = this.#job;
    const part: Part = { start, end, filled: 0, target: undefined };
    await retryInRow(
      () =>
        limit(() => {
          signal.throwIfAborted();
          return this.#connect(part);
        }),
      { policy, signal, progress: () => part.filled },
    );
    return part.target ?? new Uint8Array(0);
  }

  /** Opens one connection, and receives the missing bytes of a part. */
  async #connect(part: Part): Promise<void> {
    const { store, name, bytes, policy } = this.#job;
    await abortStalled(policy.stallMs, this.#job.signal, async (signal, onBytes) => {
      const start = part.start + part.filled;
      const end = part.start + (part.target?.byteLength ?? part.end - part.start);
      const reply = await store.get(name, {
        start,
        end: start === 0 && end === bytes ? undefined : end,
        version: this.#version,
        signal,
      });
      this.#check(reply, start);
      part.target ??= new Uint8Array(reply.isWhole && part.start === 0 ? bytes : part.end - part.start);
      await fill(part, part.target, reply, { skip: start - reply.start, bytes, onBytes });
    });
  }

  #check(reply: ObjectReply, start: number): void {
    const { bytes } = this.#job;
    if (reply.totalBytes !== undefined && reply.totalBytes !== bytes) {
      throw new ContentError(`${reply.totalBytes} bytes${ofType(reply)}`);
    }
    this.#version ??= reply.version;
    if (reply.version !== undefined && reply.version !== this.#version) {
      throw new ContentError(`version ${reply.version} after a part of version ${this.#version}`);
    }
    const isFitting = reply.start === start || (reply.isWhole && reply.start <= start);
    if (!isFitting) throw new TransferError(`bytes from ${reply.start} on where ${start} was asked for`);
  }
}

interface Part {
  readonly start: number;
  readonly end: number;
  filled: number;
  target: Uint8Array | undefined;
}

async function fill(
  part: Part,
  target: Uint8Array,
  reply: ObjectReply,
  options: { readonly skip: number; readonly bytes: number; readonly onBytes: () => void },
): Promise<void> {
  let { skip } = options;
  for await (const chunk of reply.body) {
    options.onBytes();
    const fresh = chunk.subarray(Math.min(skip, chunk.byteLength));
    skip -= chunk.byteLength - fresh.byteLength;
    const space = target.byteLength - part.filled;
    target.set(fresh.subarray(0, space), part.filled);
    part.filled += Math.min(space, fresh.byteLength);
    if (fresh.byteLength <= space) continue;
    // A server that ignores ranges sends more bytes than requested. Bytes past the object's end mean another object.
    if (reply.isWhole && part.start + target.byteLength < options.bytes) return;
    throw new ContentError(`more than ${options.bytes} bytes${ofType(reply)}`);
  }
  if (part.filled === target.byteLength) return;
  const seen = `${part.start + part.filled} bytes${ofType(reply)}`;
  // If the body ended regularly, and the server never announced more bytes, it is another object.
  if (reply.isWhole && reply.totalBytes === undefined) throw new ContentError(seen);
  throw new TransferError(`an end of the connection at byte ${part.start + part.filled} of ${options.bytes}`);
}

function ofType(reply: ObjectReply): string {
  if (reply.contentType?.startsWith("text/html") === true) return " of an HTML page";
  return reply.contentType === undefined ? "" : ` of ${reply.contentType}`;
}
