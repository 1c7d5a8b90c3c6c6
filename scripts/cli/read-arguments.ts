import { resolve } from "node:path";
import type * as z from "zod";
import { Cifar5mError } from "../../core/errors.ts";
import { describeRule } from "../../core/json-schema.ts";
import { parseWithSchema } from "../../core/parse-with-schema.ts";
import { mergeConfigs, type PartialConfig } from "../../pipeline/run/config.ts";
import { flagOf, nest, parseFlag, takesText } from "../../pipeline/run/config-keys.ts";
import type { Command } from "./command.ts";
import { type Flag, flagsOfSchema } from "./flags.ts";

/** Arguments as yargs gives them: texts, and true or false for switches. */
export type Arguments = Readonly<Record<string, unknown>>;

/**
 * The values of options, typed and checked.
 * @throws Cifar5mError `usage/out-of-range`
 */
export function readOptions<Schema extends z.ZodObject>(schema: Schema, args: Arguments): z.output<Schema> {
  const flags = flagsOfSchema(schema, "");
  const given = flags.flatMap((flag) => {
    const value = args[flag.name];
    return value === undefined ? [] : [[flag.key, typeof value === "string" ? parseText(value, flag) : value] as const];
  });
  return parseWithSchema(schema, Object.fromEntries(given), {
    area: "usage",
    owner: "the command line",
    nameOf: (key) => `--${flagOf(key)}`,
    show: String,
    adviceOf: (key) => flags.find((flag) => flag.key === key)?.schema.advice ?? "See --help.",
  });
}

function parseText(text: string, { schema }: Flag): unknown {
  return parseFlag(text === "" ? (schema.bare ?? text) : text, schema);
}

/**
 * The keys of the configuration that flags were given for.
 * @throws Cifar5mError `config/out-of-range`
 */
export function readConfigFlags(flags: readonly Flag[], args: Arguments): PartialConfig {
  let config: PartialConfig = {};
  for (const flag of flags.filter(({ isConfig }) => isConfig)) {
    const { name, key, schema } = flag;
    const text = args[name];
    if (typeof text !== "string" && typeof text !== "boolean") continue;
    const value = typeof text === "boolean" ? text : parseText(text, flag);
    if (typeof value === "string" && !takesText(value, schema)) {
      throw new Cifar5mError(
        "config/out-of-range",
        `--${name} must be ${describeRule(schema)}, got ${text}. Give it another value, or leave it out for its default.`,
      );
    }
    config = mergeConfigs(config, nest(key, value));
  }
  return config;
}

/**
 * Moves what was given without a name to the options it stands for. A word that ends in `.json` is the command's file, any
 * other is its folder.
 * @param argv - as it was typed: of an option that is given twice, the last is in `args`
 * @throws Cifar5mError `usage/wrong` where a command gets no folder; `usage/contradiction` where it gets two
 */
export function placeWords(command: Command, args: Arguments, argv: readonly string[]): Arguments {
  const { positional, words, target } = command;
  const { file, folder, ...rest } = args;
  if (target === "none") return args;
  const given = [file, folder].filter((word) => typeof word === "string");
  const named = typeof rest.run === "string" ? rest.run : undefined;
  const own = positional === undefined ? undefined : flagOf(positional);
  const placed: Record<string, unknown> = { ...rest };
  const place = (name: string, what: string, word: string | undefined) => {
    for (const before of valuesOf(name, argv)) requireSame(what, word ?? placed[name], `--${name} ${before}`, before);
    if (word !== undefined) placed[name] ??= word;
  };
  if (own === undefined) place("run", describe(command), given[0]);
  else {
    const [ownWord, folderWord] = tellApart(given, named);
    place(own, `the ${own} file`, ownWord);
    place("run", describe(command), folderWord);
  }
  if (typeof placed.run === "string") return placed;
  throw new Cifar5mError(
    "usage/wrong",
    `${words.join(" ")} needs ${describe(command)}, and none was named. Add it: \`cifar5m ${words.join(" ")} runs/mine\`, or --run runs/mine.`,
  );
}

/** The values of an option, each time that it is given. */
function valuesOf(name: string, argv: readonly string[]): readonly string[] {
  const flag = `--${name}`;
  return argv.flatMap((argument, index) => {
    if (argument.startsWith(`${flag}=`)) return [argument.slice(flag.length + 1)];
    return argument === flag ? [argv[index + 1] ?? ""] : [];
  });
}

/** @throws Cifar5mError `usage/contradiction` for two different paths */
function requireSame(what: string, word: unknown, shown: string, other: string): void {
  if (typeof word !== "string" || resolve(word) === resolve(other)) return;
  throw new Cifar5mError(
    "usage/contradiction",
    `${what} must be named once, got ${word} and ${shown}. Leave one of them out.`,
  );
}

function describe({ target }: Command): string {
  return target === undefined || target === "run" ? "a run folder" : "a run or data set";
}

/** @returns the file of the command, and its folder */
function tellApart(
  words: readonly string[],
  named: string | undefined,
): readonly [string | undefined, string | undefined] {
  const [first, second] = words;
  if (second !== undefined) return second.endsWith(".json") ? [second, first] : [first, second];
  const isFolder = first !== undefined && named === undefined && !first.endsWith(".json");
  return isFolder ? [undefined, first] : [first, undefined];
}
