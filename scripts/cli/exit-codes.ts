import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { noTimeLeft } from "../../pipeline/run/unit-pace.ts";
import { printErrorLines } from "./print.ts";
import { isWrongUsage } from "./usage-codes.ts";

/** How a command ends. */
export const exitCodes = { success: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** Errors that are told after an interruption too, as where the last checkpoint could not be written. */
const failuresOfOwn = /^((disk|train)\/|submit\/half-submitted$)/;

/** Prints the one line of an error to stderr. @returns the exit code */
export function reportError(
  thrown: unknown,
  options: {
    readonly verbose: boolean;
    readonly signal?: AbortSignal;
    readonly stopped?: string | undefined;
  },
): number {
  const known = thrown instanceof Cifar5mError;
  if (options.signal?.aborted === true && !(known && failuresOfOwn.test(thrown.code))) {
    const stopped =
      options.stopped ??
      "what was finished is kept, a unit of images under way begins again. Run the same command again to go on.";
    process.stderr.write(`interrupted: ${stopped}\n`);
    return exitCodes.interrupted;
  }
  const line = known
    ? thrown.line
    : `unexpected: ${messageOf(thrown)}. Please report this, with the output of --verbose.`;
  printErrorLines(line);
  if (options.verbose && thrown instanceof Error) printErrorLines(...(thrown.stack ?? "").split("\n"));
  if (known && thrown.code === noTimeLeft) return exitCodes.interrupted;
  return known && isWrongUsage(thrown.code) ? exitCodes.usage : exitCodes.failure;
}
