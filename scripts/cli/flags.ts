import * as z from "zod";
import { choicesOf, type JsonSchema } from "../../core/json-schema.ts";
import { datasetKeys } from "../../pipeline/run/config.ts";
import { configLeaves, flagOf } from "../../pipeline/run/config-keys.ts";
import type { Command, Target } from "./command.ts";
import {
  configOptions,
  generalOptions,
  type OptionMeta,
  option,
  recipeOptions,
  reportOptions,
  threadOptions,
  workerOptions,
} from "./options.ts";

/** A flag of a command. */
export interface Flag {
  /** Without the dashes. */
  readonly name: string;
  /** The key of its value: of the schema it is from, or of the configuration. */
  readonly key: string;
  readonly schema: JsonSchema & Partial<OptionMeta>;
  /** The heading it stands under. */
  readonly group: string;
  /** Whether it has a value. */
  readonly isSwitch: boolean;
  readonly isRequired: boolean;
  /** Whether it is a key of the configuration. */
  readonly isConfig: boolean;
  /** Whether it is taken without effect: earlier releases listed it. */
  readonly isHidden: boolean;
}

/** The headings of help, in order: what most callers need comes first. */
export const flagGroups = {
  own: "Options:",
  dataset: "Configuration:",
  general: "General:",
  sampler: "Sampler:",
  labeling: "Labeling:",
  generator: "Training the generator:",
  tuning: "Tuning the generator for few calls:",
  adversarial: "Tuning the generator against a discriminator:",
  labeler: "Training the labeler:",
} as const;

const targetDescriptions: Readonly<Record<Exclude<Target, "none">, string>> = {
  run: "the run folder",
  dataset: "the run folder, or a data set folder",
  location: "the run folder, a data set folder, or the URL of a data set: https://… or s3://…",
};

/** What a command's `--run` is. */
export function describeTarget({ target = "run", bucketRun }: Command): string {
  if (target === "run" && bucketRun !== undefined) return "the run folder, or s3://bucket/prefix";
  return target === "none" ? "" : targetDescriptions[target];
}

/** All flags of a command, in the order of its help. */
export function flagsOf(command: Command): readonly Flag[] {
  const { target = "run", configKeys = [], pinnedKeys = [] } = command;
  const { own, general } = flagGroups;
  const hasRun = target !== "none";
  const hasConfig = configKeys.length + pinnedKeys.length > 0;
  const hasRecipe = [...configKeys, ...pinnedKeys].includes("sampler");
  const flags = [
    ...(hasRun ? flagsOfSchema(z.object({ run: targetOption(command) }), own) : []),
    ...(command.options === undefined ? [] : flagsOfSchema(command.options, own)),
    ...(command.report === undefined ? [] : flagsOfSchema(reportOptions, own)),
    ...(hasRecipe ? flagsOfSchema(recipeOptions, own, !configKeys.includes("sampler")) : []),
    ...(command.hasThreads ? flagsOfSchema(threadOptions, own) : []),
    ...configFlags(configKeys),
    ...unlisted(pinnedKeys),
    ...(command.checksConfig === true ? unlisted(datasetKeys) : []),
    ...(hasRun ? flagsOfSchema(workerOptions, general, command.hasWorkers !== true) : []),
    ...(hasRun ? flagsOfSchema(configOptions, general, !hasConfig && command.dryRun === undefined) : []),
    ...flagsOfSchema(generalOptions, general),
  ];
  const order: readonly string[] = Object.values(flagGroups);
  return flags.sort((a, b) => order.indexOf(a.group) - order.indexOf(b.group));
}

function targetOption({ target, bucketRun }: Command): z.ZodType {
  const path = target === "location" ? "any" : bucketRun === undefined ? "local" : "bucket";
  return z.string().meta(option("the folder, named by a flag", { path }));
}

/** The flags of an object's keys: `partSize` is `--part-size`. */
export function flagsOfSchema(schema: z.ZodObject, group: string, isHidden = false): readonly Flag[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([key, inner]) => ({
    name: flagOf(key),
    key,
    schema: inner,
    group,
    isSwitch: inner.type === "boolean",
    isRequired: required.includes(key),
    isConfig: false,
    isHidden,
  }));
}

/** The flags for keys of the configuration: `--count`, `--sampler.steps`, … */
export function configFlags(configKeys: readonly string[]): readonly Flag[] {
  return configLeaves(configKeys).map(({ key, schema }) => ({
    name: flagOf(key),
    key,
    schema,
    group: groupOfKey(key),
    // A key that is true by default takes its value as text: --sampler.conditional false.
    isSwitch: schema.type === "boolean" && schema.default === false,
    isRequired: false,
    isConfig: true,
    isHidden: schema.hidden === true,
  }));
}

function unlisted(configKeys: readonly string[]): readonly Flag[] {
  return configFlags(configKeys).map((flag) => ({ ...flag, isHidden: true }));
}

function groupOfKey(key: string): string {
  const [section = ""] = key.includes(".") ? key.split(".") : ["dataset"];
  return flagGroups[section as keyof typeof flagGroups];
}

/** The default of a flag as help shows it; undefined if it has none. */
export function defaultOf({ schema, isSwitch }: Flag): string | undefined {
  if (schema.fallback !== undefined) return schema.fallback;
  if (schema.default === undefined || (isSwitch && schema.default === false)) return undefined;
  return String(schema.default);
}

/** The values of a flag that takes only some. */
export function choicesOfFlag({ schema }: Flag): readonly string[] | undefined {
  return choicesOf(schema)?.map(String);
}
