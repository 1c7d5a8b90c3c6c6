import { Cifar5mError } from "../../core/errors.ts";
import type { Command } from "./command.ts";
import type { Flag } from "./flags.ts";
import type { Arguments } from "./read-arguments.ts";

/** `s3://…`, and `s3:/…` of those that are known: a folder of that name is not what was meant. */
const urlPattern = /^([a-z][a-z0-9+.-]+:\/\/|(s3|gs|https?|file):)/i;

/**
 * Refuses what yargs lets pass and no command can mean: an empty value, a value that was switched off (`--no-run`), a
 * switch that is neither on nor off (`--fast=maybe`), and a URL in place of a folder.
 * @param argv - as it was typed
 * @throws Cifar5mError `usage/wrong`, `usage/empty`, `usage/not-local`
 */
export function requireOptionValues(flags: readonly Flag[], args: Arguments, argv: readonly string[]): void {
  for (const { name, schema, isSwitch } of flags) {
    const value = args[name];
    if (value === undefined) continue;
    if (isSwitch) requireSwitch(name, argv);
    else if (typeof value !== "string") {
      throw new Cifar5mError("usage/wrong", `--${name} takes a value, got --no-${name}. Give it one, or leave it out.`);
    } else if (schema.bare === undefined && value.trim() === "") {
      throw new Cifar5mError(
        "usage/empty",
        `--${name} must not be empty, got ${JSON.stringify(value)}. Give it a value, or leave it out.`,
      );
    } else if (isUrlInPlaceOfPath(schema.path, value)) throw notLocal(name, value);
  }
}

/** Splits a command line at `--`. */
export function splitExtraWords(argv: readonly string[]): {
  readonly own: readonly string[];
  readonly extra: readonly string[];
} {
  // A shell that completes asks about `--` itself.
  const end = argv[0] === "--get-yargs-completions" ? -1 : argv.indexOf("--");
  return end === -1 ? { own: argv, extra: [] } : { own: argv.slice(0, end), extra: argv.slice(end + 1) };
}

/** Refuses words after `--` for a command that has no use for them. @throws Cifar5mError `usage/wrong` */
export function requireUseOfExtraWords(command: Command, extra: readonly string[]): void {
  if (extra.length === 0) return;
  const broken = extra.find((word) => /[\0\n\r]/.test(word));
  if (command.extraWords !== undefined && broken === undefined) return;
  throw new Cifar5mError(
    "usage/wrong",
    `${command.words.join(" ")} takes ${command.extraWords === undefined ? "no words" : "words of one line"} after --, got ${broken === undefined ? extra.join(" ") : JSON.stringify(broken)}. Leave them out.`,
  );
}

function isUrlInPlaceOfPath(path: Flag["schema"]["path"], value: string): boolean {
  if (path === "bucket" && value.startsWith("s3://")) return false;
  return path !== undefined && path !== "any" && urlPattern.test(value);
}

function requireSwitch(name: string, argv: readonly string[]): void {
  const prefix = `--${name}=`;
  const value = argv.find((argument) => argument.startsWith(prefix))?.slice(prefix.length);
  if (value === undefined || value === "true" || value === "false") return;
  throw new Cifar5mError("usage/wrong", `--${name} is a switch, got ${prefix}${value}. Use --${name} or --no-${name}.`);
}

function notLocal(name: string, value: string): Cifar5mError {
  const shown = value.replace(/\/\/[^/]*@/, "//…@");
  const advice =
    name === "run"
      ? "Name a folder. In s3://bucket/prefix, fetch, build, prepare, sample, label, dedup, publish, finish and status work; " +
        "`cifar5m publish --to` uploads what was built in a folder, `cifar5m verify` reads it there. To repair a run in a bucket, " +
        "delete what is damaged, with its receipt, and build it again with the same options."
      : "Download it first, or name another.";
  return new Cifar5mError("usage/not-local", `--${name} must be a path on this machine, got ${shown}. ${advice}`);
}
