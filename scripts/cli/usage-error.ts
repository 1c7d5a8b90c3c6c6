import { Cifar5mError } from "../../core/errors.ts";
import { nearestWord } from "../../core/nearest-word.ts";
import type { Command } from "./command.ts";

/** The words that a command line may have where it went wrong. */
export interface KnownWords {
  /** The command that was meant, if its words are there. */
  readonly command?: Command | undefined;
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
  if (kind === "command" && known.command !== undefined) {
    return new Cifar5mError(
      "usage/wrong",
      `${describeWords(known.command)}, got ${names.join(" ")} too. Leave it out.`,
    );
  }
  const hints =
    kind === "argument"
      ? names.flatMap((name) => nearestOf(name, known.options)).map((name) => `--${name}`)
      : kind === "command"
        ? names.flatMap((name) => nearestOf(name, known.commands))
        : [];
  if (kind === "argument" && names.includes("data") && takesCifar10OfRun(known)) {
    return new Cifar5mError("usage/wrong", `${text}. Run \`cifar5m fetch RUN --data FOLDER-OR-TAR.GZ\` first.`);
  }
  const hint = hints.length === 0 ? "" : ` Did you mean ${hints.join(", ")}?`;
  return new Cifar5mError("usage/wrong", `${text}.${hint} See --help.`);
}

/** Whether a command trains on the CIFAR-10 that the run has, and takes none itself. */
function takesCifar10OfRun({ command, options }: KnownWords): boolean {
  return command?.words[0] === "train" && !options.includes("data");
}

/** What a command takes without a name. */
function describeWords({ words, positional, target }: Command): string {
  const taken = [positional === undefined ? [] : ["one file"], target === "none" ? [] : ["one folder"]].flat();
  return `${words.join(" ")} takes ${taken.length === 0 ? "no folder" : taken.join(" and ")}`;
}

function nearestOf(name: string, known: readonly string[]): readonly string[] {
  const nearest = nearestWord(name, known);
  return nearest === undefined ? [] : [nearest];
}
