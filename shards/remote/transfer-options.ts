import * as z from "zod";
import { describeIssue } from "../../core/describe-issue.ts";
import { Cifar5mError } from "../../core/errors.ts";

/** How persistently data is fetched from a store. */
export interface TransferOptions {
  /** Requests at once, over all shards; default 8. */
  readonly maxRequests?: number;
  /** A larger shard is fetched in parts of this size, in parallel; default 8 MiB. */
  readonly partBytes?: number;
  /** Number of failures of a request without progress before giving up; default 6. */
  readonly tries?: number;
  /**
   * Wait after the first failure, default 500. It doubles after each failure, and a random part of up to the same
   * length is added.
   */
  readonly firstDelayMs?: number;
  /** Longest wait between two tries, default 20,000. */
  readonly maxDelayMs?: number;
  /** A connection without data for this long counts as lost, default 30,000. */
  readonly stallMs?: number;
  /** Time limit for the manifest or one shard, all attempts together; default 900,000. */
  readonly totalMs?: number;
}

/** With every default filled in. */
export type TransferPolicy = Required<TransferOptions>;

const longestTimerMs = 2 ** 31 - 1;
const milliseconds = z.int().min(0).max(longestTimerMs);
const policySchema = z.strictObject({
  maxRequests: z.int().min(1).max(256).default(8),
  partBytes: z
    .int()
    .min(1)
    .default(2 ** 23),
  tries: z.int().min(1).max(100).default(6),
  firstDelayMs: milliseconds.default(500),
  maxDelayMs: milliseconds.default(20_000),
  stallMs: milliseconds.min(1).default(30_000),
  totalMs: milliseconds.min(1).default(900_000),
});
const schema = z.strictObject({ transfer: policySchema });

/** @throws Cifar5mError `store/out-of-range` */
export function resolveTransfer(options: TransferOptions = {}): TransferPolicy {
  const value = { transfer: options };
  const result = schema.safeParse(value);
  if (result.success) return result.data.transfer;
  throw new Cifar5mError(
    "store/out-of-range",
    `${describeIssue(result.error, schema, value)}. Choose another value, or leave it out.`,
  );
}

/**
 * For a run in a bucket, which may take days: only the time counts. A server that is busy or away for some minutes must
 * not end it.
 */
export const patientTransfer: TransferPolicy = resolveTransfer({ tries: 100, maxDelayMs: 30_000 });
