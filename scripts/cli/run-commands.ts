import yargs, { type Argv, type Options } from "yargs";
import { programVersion } from "../../core/program-version.ts";
import type { Command } from "./command.ts";
import { executeCommand } from "./execute-command.ts";
import { exitCodes, reportError } from "./exit-codes.ts";
import { choicesOfFlag, defaultOf, describeTarget, type Flag, flagGroups, flagsOf } from "./flags.ts";
import { type Arguments, placeWords } from "./read-arguments.ts";
import { requireOptionValues, requireUseOfExtraWords, splitExtraWords } from "./require-option-values.ts";
import { type KnownWords, usageError } from "./usage-error.ts";

/**
 * Runs a command line.
 * @param commands - told apart by their words, where `named`; else one, which needs none
 * @param given - the arguments after the script's name; `help build` is `build --help`
 * @returns the exit code: 0, 1 for a failure, 2 for wrong usage, 130 after an interruption
 */
export async function runCommands(
  commands: readonly Command[],
  given: readonly string[],
  { named = false } = {},
): Promise<number> {
  const argv = named && given[0] === "help" ? [...given.slice(1), "--help"] : given;
  const [single] = commands;
  const { own, extra } = splitExtraWords(argv);
  let exitCode: number = exitCodes.success;
  const handle = (command: Command) => async (parsed: Arguments) => {
    requireUseOfExtraWords(command, extra);
    const flags = flagsOf(command);
    requireOptionValues(flags, parsed, argv);
    const args = placeWords(command, parsed, own);
    requireOptionValues(flags, args, argv);
    exitCode = await executeCommand(command, args, extra);
  };
  const parser = yargs([...own])
    .scriptName("cifar5m")
    .parserConfiguration({
      "dot-notation": false,
      "camel-case-expansion": false,
      "duplicate-arguments-array": false,
      // The schemas do, and say what is wrong.
      "parse-numbers": false,
      "parse-positional-numbers": false,
    })
    .version(programVersion.split(" ")[1]!)
    .alias("help", "h")
    // A column is left to `spaceHints`.
    .wrap(Math.min(120, process.stdout.columns ?? 100) - 1)
    .showHidden(false)
    .exitProcess(false)
    .strict()
    .strictCommands()
    .fail((message: string | undefined, thrown: Error | undefined) => {
      // What yargs finds wrong itself comes as a message, some of it with an error of its own beside.
      if (thrown !== undefined && thrown.name !== "YError") throw thrown;
      throw usageError(message ?? thrown?.message ?? "wrong usage", knownWords(commands, argv, named));
    });
  const isHelp = argv.some((argument) => ["--help", "-h"].includes(argument));
  const isShown = isHelp || argv.includes("--get-yargs-completions");
  const build = (command: Command) => (builder: Argv) => addFlags(builder, command, isShown);
  if (!named && single !== undefined) {
    parser.command(usageOf("$0", single), single.describe, build(single), handle(single));
  } else addCommands(parser, commands, { build, handle });
  try {
    if (named && isShown) requireKnownCommand(commands, argv);
    if (named && argv.length === 0) {
      process.stderr.write(`${await parser.getHelp()}\n`);
      return exitCodes.usage;
    }
    if (isHelp) {
      await parser.parseAsync([...own], {}, (_error, _args, output) => {
        process.stdout.write(`${spaceHints(output)}\n`);
      });
    } else await parser.parseAsync();
    return exitCode;
  } catch (thrown) {
    return reportError(thrown, { verbose: argv.includes("--verbose") });
  }
}

/** Puts a space before a hint, such as `[default: 0]`, where the description before it fills its column: yargs puts none. */
function spaceHints(help: string): string {
  return help.replaceAll(/(?<=\S)(?=\[(boolean|string|required|choices: .*|default: .*)\]( |$))/gm, " ");
}

/** Refuses to help with a command that does not exist: yargs would list all commands instead. */
function requireKnownCommand(commands: readonly Command[], argv: readonly string[]): void {
  const group = commands.filter(({ words }) => words[0] === argv[0]);
  const possible = [
    [...commands.map(({ words }) => words[0]), "help", "completion"],
    group.map(({ words }) => words[1] ?? argv[1]),
  ];
  const unknown = argv.slice(0, group.length === 0 ? 1 : 2).find((word, place) => !possible[place]!.includes(word));
  if (unknown === undefined || unknown.startsWith("-")) return;
  throw usageError(`Unknown command: ${unknown}`, knownWords(commands, argv, true));
}

/** What could stand where a command line went wrong. */
function knownWords(commands: readonly Command[], argv: readonly string[], named: boolean): KnownWords {
  const words = argv.filter((argument) => !argument.startsWith("-"));
  const group = commands.filter((command) => named && command.words[0] === words[0]);
  const meant = group.filter((command) => command.words[1] === undefined || command.words[1] === words[1]);
  const place = group.length === 0 ? 0 : 1;
  const known = named ? meant : commands;
  return {
    ...(group.length !== 0 || !named ? { command: known[0] } : {}),
    commands: named ? commands.flatMap((command) => command.words[place] ?? []) : [],
    options: known.flatMap((command) => flagsOf(command).flatMap(({ name, isHidden }) => (isHidden ? [] : [name]))),
  };
}

interface Handlers {
  readonly build: (command: Command) => (builder: Argv) => Argv;
  readonly handle: (command: Command) => (args: Arguments) => Promise<void>;
}

function addCommands(parser: Argv, commands: readonly Command[], { build, handle }: Handlers): void {
  for (const word of new Set(commands.map(({ words }) => words[0]!))) {
    const members = commands.filter(({ words }) => words[0] === word);
    const [first] = members;
    if (first?.words.length === 1) {
      parser.command(usageOf(word, first), first.describe, build(first), handle(first));
      continue;
    }
    const describe = members.map((member) => member.words[1]).join(" | ");
    parser.command(word, `${word} ${describe}`, (builder) => {
      for (const member of members) {
        builder.command(usageOf(member.words[1]!, member), member.describe, build(member), handle(member));
      }
      return builder.demandCommand(1, 1, `${word} needs one of: ${describe}`, `${word} takes one of: ${describe}`);
    });
  }
  parser
    .completion("completion", "print a script that lets bash or zsh complete commands and options")
    .demandCommand(1, "name a command")
    .epilogue("`cifar5m COMMAND --help` lists the options of a command.");
}

function usageOf(word: string, { positional, target }: Command): string {
  const names = [positional === undefined ? [] : ["[file]"], target === "none" ? [] : ["[folder]"]].flat();
  return [word, ...names].join(" ");
}

/** @param isShown - whether the flags are only listed: then choices are left to yargs, which completes them */
function addFlags(builder: Argv, command: Command, isShown: boolean): Argv {
  const flags = flagsOf(command);
  const own = flags.find(({ key }) => key === command.positional);
  if (own !== undefined) builder.positional("file", { describe: own.schema.description });
  if (command.target !== "none") builder.positional("folder", { describe: describeTarget(command) });
  builder.options(Object.fromEntries(flags.map((flag) => [flag.name, yargsOption(flag, isShown)])));
  const examples = command.examples.map(({ line, effect }) => `  ${line}\n      ${effect}`);
  return builder.group(["help", "version"], flagGroups.general).epilogue(["Examples:", ...examples].join("\n"));
}

function yargsOption(flag: Flag, isShown: boolean): Options {
  const { name, schema, group, isSwitch, isRequired, isHidden } = flag;
  const choices = isShown ? choicesOfFlag(flag) : undefined;
  const shownDefault = defaultOf(flag);
  return {
    ...(isSwitch ? { type: "boolean" as const } : {}),
    // A folder may also be named without its flag.
    ...(isRequired && name !== "run" ? { demandOption: true } : {}),
    ...(isSwitch || schema.bare !== undefined ? {} : { requiresArg: true }),
    ...(schema.bare === undefined ? {} : { type: "string" as const }),
    ...(choices === undefined ? {} : { choices }),
    ...(shownDefault === undefined ? {} : { defaultDescription: shownDefault }),
    describe: schema.description ?? name,
    group,
    hidden: isHidden,
  };
}
