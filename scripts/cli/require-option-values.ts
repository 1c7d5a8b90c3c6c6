import type { Options } from "yargs";
import { Cifar5mError } from "../../core/errors.ts";
import type { Command } from "./command.ts";

/** Options that name a file or folder of this machine. */
const pathOptions: ReadonlySet<string> = new Set([
  ...["run", "config", "experiment", "data", "from", "to", "init", "rows"],
  ...["generator", "labeler", "features", "features-labeler"],
]);

/** `s3://…`, and `s3:/…` of those that are known: a folder of that name is not what was meant. */
const urlPattern = /^([a-z][a-z0-9+.-]+:\/\/|(s3|gs|https?|file):)/i;

/**
 * Refuses what yargs lets pass and no command can mean: an empty value, a value that was switched off (`--no-run`), a
 * switch that is neither on nor off (`--fast=maybe`), words after `--`, and a URL in place of a folder.
 * @param options - all that the command has
 * @param argv - as it was typed
 * @throws Cifar5mError `usage/wrong`, `usage/empty`, `usage/not-local`
 */
export function requireOptionValues(
  command: Command,
  options: Readonly<Record<string, Options>>,
  args: Readonly<Record<string, unknown>>,
  argv: readonly string[],
): void {
  for (const [name, { type, requiresArg }] of Object.entries(options)) {
    const value = args[name];
    if (value === undefined) continue;
    if (type === "boolean") requireSwitch(name, argv);
    else if (typeof value !== "string") {
      throw new Cifar5mError(
        "usage/wrong",
        `--${name} is no switch, got --no-${name}. Give it a value, or leave it out.`,
      );
    } else if (requiresArg === true && value.trim() === "") {
      throw new Cifar5mError(
        "usage/empty",
        `--${name} must not be empty, got ${JSON.stringify(value)}. Give it a value, or leave it out.`,
      );
    } else if (pathOptions.has(name) && urlPattern.test(value) && command.remoteOption !== name) {
      throw notLocal(name, value);
    }
  }
  const extra = argv.includes("--") ? argv.slice(argv.indexOf("--") + 1) : [];
  if (extra.length === 0) return;
  throw new Cifar5mError(
    "usage/wrong",
    `${command.words.join(" ")} takes no words after --, got ${extra.join(" ")}. Leave them out.`,
  );
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
      ? "Name a folder; `cifar5m publish --to` uploads what was built in it, `cifar5m verify` reads it there."
      : "Download it first, or name another.";
  return new Cifar5mError("usage/not-local", `--${name} must be a path on this machine, got ${shown}. ${advice}`);
}
