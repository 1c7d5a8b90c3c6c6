import { z } from "zod";
import { BuilderError } from "../../core/errors.ts";

const schema = z.strictObject({
  /** Requests at once, over all shards. */
  maxRequests: z.int().min(1).max(256).default(8),
  /** A shard larger than this is fetched in parts of this size, in parallel. */
  partBytes: z
    .int()
    .min(1)
    .default(8 * 2 ** 20),
  /** Failures in a row, without a byte gained, before giving up. */
  tries: z.int().min(1).max(100).default(6),
  /** Wait after the first failure; doubled after each, and up to doubled again by chance. */
  firstDelayMs: z.int().min(0).default(500),
  maxDelayMs: z.int().min(0).default(20_000),
  /** Silence after which a connection counts as lost. */
  stallMs: z.int().min(1).default(30_000),
  /** Longest time for one shard, all tries together. */
  totalMs: z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .default(900_000),
});

/** How hard a store is tried; what is left out has the default written in docs/remote.md. */
export type TransferOptions = Readonly<z.input<typeof schema>>;
/** With every default filled in. */
export type TransferPolicy = Readonly<z.output<typeof schema>>;

/** @throws BuilderError `store/out-of-range` */
export function resolveTransfer(options: TransferOptions = {}): TransferPolicy {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new BuilderError(
    "store/out-of-range",
    `transfer.${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not as expected"}. Choose another value, or leave it out.`,
  );
}
