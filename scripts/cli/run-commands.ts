import yargs, { type Argv, type Options } from "yargs";
import { createdBy } from "../../core/created-by.ts";
import type { Command } from "./command.ts";
import { configFlags } from "./config-flags.ts";
import { executeCommand } from "./execute-command.ts";
import { exitCodes, reportError } from "./exit-codes.ts";
import { requireOptionValues } from "./require-option-values.ts";
import { type KnownWords, usageError } from "./usage-error.ts";

/** Options of every command. */
const commonOptions: Readonly<Record<string, Options>> = {
  verbose: { type: "boolean", describe: "stack traces of errors" },
  quiet: { type: "boolean", describe: "no progress, only results and errors" },
};

/** Options of every command that works on a run folder. */
const runOptions: Readonly<Record<string, Options>> = {
  run: { type: "string", requiresArg: true, demandOption: true, describe: "the run folder" },
  config: { type: "string", requiresArg: true, describe: "JSON file with configuration keys; flags count more" },
  rank: { type: "string", requiresArg: true, describe: "which of several workers this is [default: 0]" },
  "world-size": { type: "string", requiresArg: true, describe: "number of workers that share the units [default: 1]" },
  "dry-run": { type: "boolean", describe: "print the resolved configuration and its hash, do nothing" },
};

const recipeOption: Options = {
  type: "string",
  requiresArg: true,
  describe:
    "a set of values for the sampler: fast; tuned, for generators of one or two calls; original, as CIFAR-5m was made; flags count more [default: fast]",
};

/**
 * Runs a command line.
 * @param commands - told apart by their words, where `named`; else one, which needs none
 * @param argv - the arguments after the script's name
 * @returns the exit code: 0, 1 for a failure, 2 for wrong usage, 130 after an interruption
 */
export async function runCommands(
  commands: readonly Command[],
  argv: readonly string[],
  { named = false } = {},
): Promise<number> {
  const [single] = commands;
  let exitCode: number = exitCodes.success;
  const handle = (command: Command) => async (args: Readonly<Record<string, unknown>>) => {
    requireOptionValues(command, optionsOf(command), args, argv);
    exitCode = await executeCommand(command, args);
  };
  const parser = yargs([...argv])
    .scriptName("cifar5m")
    .parserConfiguration({ "dot-notation": false, "camel-case-expansion": false, "duplicate-arguments-array": false })
    .version(createdBy.split(" ")[1]!)
    .alias("help", "h")
    .wrap(Math.min(120, process.stdout.columns ?? 100))
    .exitProcess(false)
    .strict()
    .strictCommands()
    .fail((message: string | undefined, thrown: Error | undefined) => {
      // What yargs finds wrong itself comes as a message, some of it with an error of its own beside.
      if (thrown !== undefined && thrown.name !== "YError") throw thrown;
      throw usageError(message ?? thrown?.message ?? "wrong usage", knownWords(commands, argv, named));
    });
  if (!named && single !== undefined) {
    parser.command(
      usageOf("$0", single),
      single.describe,
      (builder) => builder.options(optionsOf(single)),
      handle(single),
    );
  } else addCommands(parser, commands, handle);
  try {
    await parser.parseAsync();
    return exitCode;
  } catch (thrown) {
    return reportError(thrown, { verbose: argv.includes("--verbose") });
  }
}

/** What could stand where a command line went wrong. */
function knownWords(commands: readonly Command[], argv: readonly string[], named: boolean): KnownWords {
  const words = argv.filter((argument) => !argument.startsWith("-"));
  const group = commands.filter((command) => named && command.words[0] === words[0]);
  const meant = group.filter((command) => command.words[1] === undefined || command.words[1] === words[1]);
  const place = group.length === 0 ? 0 : 1;
  return {
    commands: named ? commands.flatMap((command) => command.words[place] ?? []) : [],
    options: (named ? meant : commands).flatMap((command) => Object.keys(optionsOf(command))),
  };
}

type Handle = (command: Command) => (args: Readonly<Record<string, unknown>>) => Promise<void>;

function addCommands(parser: Argv, commands: readonly Command[], handle: Handle): void {
  for (const word of new Set(commands.map(({ words }) => words[0]!))) {
    const members = commands.filter(({ words }) => words[0] === word);
    const [first] = members;
    if (first?.words.length === 1) {
      parser.command(
        usageOf(word, first),
        first.describe,
        (builder) => builder.options(optionsOf(first)),
        handle(first),
      );
      continue;
    }
    const describe = members.map((member) => member.words[1]).join(" | ");
    parser.command(word, `${word} ${describe}`, (builder) => {
      for (const member of members) {
        builder.command(
          usageOf(member.words[1]!, member),
          member.describe,
          (inner) => inner.options(optionsOf(member)),
          handle(member),
        );
      }
      return builder.demandCommand(1, 1, `${word} needs one of: ${describe}`, `${word} takes one of: ${describe}`);
    });
  }
  parser.demandCommand(1, "name a command");
}

function usageOf(word: string, { positional }: Command): string {
  return positional === undefined ? word : `${word} [${positional}]`;
}

function optionsOf(command: Command): Record<string, Options> {
  const recipe = command.configKeys.includes("sampler") ? { recipe: recipeOption } : {};
  const shared = command.folderless ? commonOptions : { ...runOptions, ...commonOptions };
  return { ...shared, ...command.options, ...recipe, ...configFlags(command.configKeys) };
}
