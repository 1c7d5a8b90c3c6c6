import { plainText } from "./plain-text.ts";

/**
 * An error a user can act on: what was wrong, the rule, the value seen, and what to do next, in one line.
 *
 * The command line prints only `code: message`; `--verbose` adds the stack.
 */
export class Cifar5mError extends Error {
  override readonly name = "Cifar5mError";
  /** `area/what`, for example `shard/hash-mismatch`. Codes are stable, so scripts may match them. */
  readonly code: string;

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(plainText(message), options);
    this.code = code;
  }

  /** The line that the command line prints. */
  get line(): string {
    return `${this.code}: ${this.message}`;
  }
}

/** Whether a thrown value is an error with one of the codes. */
export function hasCode(thrown: unknown, ...codes: readonly string[]): thrown is Cifar5mError {
  return thrown instanceof Cifar5mError && codes.includes(thrown.code);
}

/** The message of a thrown value, which need not be an `Error`. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
