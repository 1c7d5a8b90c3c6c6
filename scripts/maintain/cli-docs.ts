import * as z from "zod";
import { describeRule, type JsonSchema } from "../../core/json-schema.ts";
import { trainingSections } from "../../pipeline/run/config.ts";
import type { Command } from "../cli/command.ts";
import { configFlags, defaultOf, describeTarget, type Flag, flagGroups, flagsOf } from "../cli/flags.ts";
import { loadCommands } from "../commands.ts";

const introduction = `# Command line

This page is generated from the schemas of the commands: \`npm run docs:cli\` writes it, a test holds it equal.

    cifar5m COMMAND [folder] [options]

- **Folder.** Most commands work on a run folder. Name it first, or with \`--run\`: \`cifar5m inspect runs/mine\` is
  \`cifar5m inspect --run runs/mine\`. Two different ones are an error.
- **Options.** A flag takes its value after a space or \`=\`; of one that is given twice, the last counts. Digits may be
  grouped: \`--count 1_000_000\`. A switch is turned off with \`--no-\`: \`--no-manifest\`.
- **Configuration.** Keys of the configuration are flags too: \`sampler.batchSize\` is \`--sampler.batch-size\`. A run pins
  what it was begun with, so later commands need not repeat it. Defaults are overridden by what is pinned, that by a recipe,
  that by \`--config FILE\`, and that by flags.
- **Output.** Results go to stdout. Progress and errors go to stderr; an error is one line: code, rule, value, and what to do
  next. With \`--json\`, stdout holds a report as JSON and nothing else.
- **Exit codes.** 0: done. 1: failed. 2: wrong usage or configuration; the same command would end so again. 130: interrupted; finished units, files and checkpoints are kept.
- **Completion.** \`cifar5m completion >> ~/.bashrc\` lets bash complete commands, flags and choices; zsh likewise.
`;

/** The page about the command line, as docs/cli.md holds it. */
export async function formatCliDocs(): Promise<string> {
  const commands = await loadCommands();
  const general = uniqueFlags(commands, ({ group }) => group === flagGroups.general);
  const shared = sharedItems(commands);
  return [
    introduction,
    "## Options of all commands",
    "",
    "Those of workers and of the configuration belong to commands that have them.",
    "",
    ...general.map(flagItem),
    "",
    "## Shared options",
    "",
    "Commands that take these name them. Where a command describes one itself, it means something else there.",
    "",
    ...shared,
    "",
    "## Commands",
    "",
    ...commands.map(({ words, describe }) => `- [${words.join(" ")}](#${words.join("-")}): ${describe}`),
    "",
    ...commands.flatMap((command) => commandSection(command, shared)),
    "## Configuration",
    "",
    ...configSections(commands),
  ].join("\n");
}

function commandSection(command: Command, shared: readonly string[]): string[] {
  const { words, describe, examples, positional, target, report } = command;
  const flags = flagsOf(command).filter(({ isHidden }) => !isHidden);
  const own = ownFlags(command);
  const isShared = (flag: Flag) => shared.includes(flagItem(flag));
  const sharedNames = own.filter(isShared).map(({ name }) => `\`--${name}\``);
  const keys = flags.filter(({ isConfig }) => isConfig);
  const usage = [...words, positional === undefined ? "" : "[file]", target === "none" ? "" : "[folder]"];
  return [
    `### ${words.join(" ")}`,
    "",
    `${capitalize(describe)}.`,
    "",
    `    cifar5m ${usage.filter((word) => word !== "").join(" ")}`,
    "",
    ...(target === "none" ? [] : [`The folder is ${describeTarget(command)}.`, ""]),
    ...list(own.filter((flag) => !isShared(flag)).map(flagItem)),
    ...(sharedNames.length === 0 ? [] : [`[Shared options](#shared-options): ${sharedNames.join(", ")}.`, ""]),
    ...(keys.length === 0 ? [] : [`Configuration: ${describeKeys(keys)}.`, ""]),
    ...(report === undefined ? [] : reportItems(report)),
    "Examples:",
    "",
    ...examples.flatMap(({ line, effect }) => [`    ${line}    # ${effect}`]),
    "",
  ];
}

/** The flags of a command but its folder, those of all commands and keys of the configuration. */
function ownFlags(command: Command): readonly Flag[] {
  const isOwn = ({ name, group, isConfig }: Flag) => group === flagGroups.own && !isConfig && name !== "run";
  return flagsOf(command).filter((flag) => isOwn(flag) && !flag.isHidden);
}

/** As many commands with the same words on a flag share it. */
const fewestSharing = 4;

/** The descriptions that several commands have in common. */
function sharedItems(commands: readonly Command[]): readonly string[] {
  const items = commands.flatMap(ownFlags).map(flagItem);
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return [...counts].flatMap(([item, count]) => (count >= fewestSharing ? [item] : []));
}

function list(items: readonly string[]): string[] {
  return items.length === 0 ? [] : [...items, ""];
}

/** Sections that a command has all keys of by a link, other keys by name. */
function describeKeys(keys: readonly Flag[]): string {
  const groups = [...new Set(keys.map(({ group }) => group))];
  const parts = groups.flatMap((group) => {
    const members = keys.filter((flag) => flag.group === group);
    const section = sectionKeys.get(group);
    if (section?.every(({ name }) => members.some((flag) => flag.name === name))) {
      return [`[${titleOf(group)}](#${anchorOf(titleOf(group))})`];
    }
    return members.map(({ name }) => `\`--${name}\``);
  });
  return parts.join(", ");
}

const sections = ["sampler", "labeling", ...trainingSections] as const;
/** All keys of each section, by its heading. */
const sectionKeys = new Map(sections.map((section) => [flagGroups[section] as string, configFlags([section])]));

function configSections(commands: readonly Command[]): string[] {
  const flags = uniqueFlags(commands, ({ isConfig }) => isConfig);
  return Object.values(flagGroups).flatMap((group) => {
    const members = flags.filter((flag) => flag.group === group);
    if (members.length === 0) return [];
    const title = group === flagGroups.dataset ? "Keys of the data set" : titleOf(group);
    return [`### ${title}`, "", ...members.map(flagItem), ""];
  });
}

/** One flag of each name, of those that are chosen: a command's own flag may have the name of a key. */
function uniqueFlags(commands: readonly Command[], choose: (flag: Flag) => boolean): readonly Flag[] {
  const flags = commands.flatMap(flagsOf).filter((flag) => !flag.isHidden && choose(flag));
  return [...new Map(flags.map((flag) => [flag.name, flag])).values()];
}

function flagItem(flag: Flag): string {
  const { name, schema, isSwitch, isRequired } = flag;
  const rule =
    isSwitch || schema.path !== undefined || schema.type === "string" ? choiceRule(schema) : describeRule(schema);
  const shownDefault = defaultOf(flag);
  const facts = [
    capitalize(schema.description ?? name),
    rule === undefined ? "" : capitalize(rule),
    isRequired ? "Required" : "",
    shownDefault === undefined ? "" : `Default: ${shownDefault}`,
  ].filter((fact) => fact !== "");
  return `- \`--${name}\`: ${facts.join(". ")}.`;
}

function choiceRule(schema: JsonSchema): string | undefined {
  return schema.enum === undefined ? undefined : describeRule(schema);
}

function reportItems(report: z.ZodType): string[] {
  const schema = z.toJSONSchema(report, { io: "output", unrepresentable: "any" }) as JsonSchema;
  const keys = Object.entries(schema.properties ?? {});
  const what = schema.description === undefined ? "" : `: ${schema.description}`;
  return [
    `\`--json\` prints${what === "" ? "" : what.slice(1)}${what === "" ? " an object" : ""}:`,
    "",
    ...keys.map(([key, inner]) => `- \`${key}\`: ${inner.description ?? ""}`),
    "",
  ];
}

function titleOf(group: string): string {
  return group.replace(/:$/, "");
}

function anchorOf(title: string): string {
  return title.toLowerCase().replaceAll(" ", "-");
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
