import { Cifar5mError } from "../../core/errors.ts";
import { nearestWord } from "../../core/nearest-word.ts";

/** The words that a command line may have where it went wrong. */
export interface KnownWords {
  readonly commands: readonly string[];
  /** Without the dashes. */
  readonly options: readonly string[];
}

/**
 * The error for a command line that yargs refused; of a misspelled command or option it names the nearest that exists.
 * @param message - of yargs
 */
export function usageError(message: string, known: KnownWords): Cifar5mError {
  const text = message.replaceAll("\n", " ");
  const [, kind, words = ""] = /^Unknown (argument|command)s?: (.+)$/.exec(text) ?? [];
  const names = words.split(", ");
  const hints =
    kind === "argument"
      ? names.flatMap((name) => nearestOf(name, known.options)).map((name) => `--${name}`)
      : kind === "command"
        ? names.flatMap((name) => nearestOf(name, known.commands))
        : [];
  const hint = hints.length === 0 ? "" : ` Did you mean ${hints.join(", ")}?`;
  return new Cifar5mError("usage/wrong", `${text}.${hint} See --help.`);
}

function nearestOf(name: string, known: readonly string[]): readonly string[] {
  const nearest = nearestWord(name, known);
  return nearest === undefined ? [] : [nearest];
}

/** The error for a value that is out of its range for a reason that no schema knows. */
export function usageOutOfRange(flag: string, rule: string, seen: unknown, advice: string): Cifar5mError {
  return new Cifar5mError("usage/out-of-range", `--${flag} ${rule}, got ${String(seen)}. ${advice}`);
}
