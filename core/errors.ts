import { plainText } from "./plain-text.ts";

/**
 * An error a user can act on: what was wrong, the rule, the value seen, and what to do next, in one line.
 *
 * The command line prints `code: message` and nothing else, unless `--verbose` asks for the stack.
 */
export class Cifar5mError extends Error {
  override readonly name = "Cifar5mError";
  /** `area/what`, for example `shard/hash-mismatch`; stable, so that scripts may match it. */
  readonly code: string;

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(plainText(message), options);
    this.code = code;
  }

  /** The one line a user sees. */
  get line(): string {
    return `${this.code}: ${this.message}`;
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
