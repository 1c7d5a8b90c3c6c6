import { hashPrefix } from "../../core/format.ts";
import { plainText } from "../../core/plain-text.ts";
import { quoteWord } from "../../core/quote-word.ts";
import { tuningMethods } from "../../generator/index.ts";
import type { ImportIdentity } from "../import/imported-run.ts";
import {
  type Config,
  configSchema,
  datasetKeys,
  mergeConfigs,
  type PartialConfig,
  tuningSections,
} from "../run/config.ts";
import { configLeaves, flagOf, nest, valueAt } from "../run/config-keys.ts";
import { recipes } from "../run/recipes.ts";
import type { ModelName } from "../run/run-folder.ts";
import type { SetSize } from "../run/units.ts";
import type { ModelOrigin } from "./model-origin.ts";

/** The run folder in the commands of a card. */
const run = "runs/mine";

/** Keys of the data set that its commands name: how many images are labeled at once does not matter. */
const namedKeys = datasetKeys.filter((key) => key !== "labeling");

/**
 * The commands that make a set again, from its configuration and the origin of its models. Only flags that differ from
 * their defaults are written out. A set that has grown grows again: made at once, it would have other shards.
 * @param earlier - the sizes that the set had before, oldest first
 */
export function buildCommands(
  config: Config,
  models: Readonly<Record<ModelName, ModelOrigin>>,
  earlier: readonly SetSize[] = [],
): string[] {
  const [first = config, ...later] = [...earlier, config];
  const trained = (["generator", "labeler"] as const).flatMap((name) => {
    const origin = models[name];
    return origin.kind === "trained" ? [trainCommand(name, origin)] : [];
  });
  const given = (["generator", "labeler"] as const).flatMap((name) => {
    const origin = models[name];
    if (origin.kind === "shipped") return origin.isDefault ? [] : [`--${name} ${origin.file}`];
    return origin.kind === "given" ? [`--${name} ${fileOf(origin.sha256)}`] : [];
  });
  return [
    ...(trained.length === 0 && !config.dropNearCopies
      ? []
      : [`cifar5m fetch ${run} --data CIFAR-10-FOLDER-OR-TAR.GZ`]),
    ...trained,
    joinFlags(`cifar5m build ${run}`, [
      ...datasetFlags({ ...config, count: first.count, testCount: first.testCount }),
      ...given,
    ]),
    ...later.map(({ count, testCount }) => `cifar5m build ${run} --count ${count} --test-count ${testCount}`),
  ];
}

/** The command that imports a set again. */
export function importCommand(identity: ImportIdentity["import"]): string {
  const { format, testCount, unitSize, resize } = identity;
  return joinFlags(`cifar5m import ${run}`, [
    "--from SOURCE",
    `--format ${format}`,
    `--test-count ${testCount}`,
    `--unit-size ${unitSize}`,
    ...(resize ? ["--resize"] : []),
  ]);
}

/** A file that the reader has to have, named by its hash. */
function fileOf(sha256: string): string {
  return `FILE-OF-SHA256-${hashPrefix(sha256)}`;
}

function trainCommand(
  name: ModelName,
  { section, config, initialWeights, labeler }: ModelOrigin & { readonly kind: "trained" },
): string {
  return joinFlags(`cifar5m train ${name} ${run}`, [
    ...tuningMethods.filter((method) => tuningSections[method] === section).map((method) => `--tune ${method}`),
    ...(initialWeights === undefined ? [] : [`--init ${fileOf(initialWeights)}`]),
    ...(labeler === undefined ? [] : [`--labeler ${fileOf(labeler)}`]),
    ...flagsFor(config, {}, ["seed", "engine", "device", "precision", section]),
  ]);
}

/** The flags of the shortest way to write a configuration: with a recipe, or without one. */
function datasetFlags(config: Config): string[] {
  const ways = [[], ...Object.keys(recipes).map((name) => [name])].map(([name]) => {
    const recipe: PartialConfig = name === undefined ? {} : recipes[name as keyof typeof recipes];
    return [...(name === undefined ? [] : [`--recipe ${name}`]), ...flagsFor(config, recipe, namedKeys)];
  });
  return ways.reduce((shortest, way) => (way.length < shortest.length ? way : shortest));
}

/** Keys that are written even with their default values. */
const writtenKeys = ["count", "testCount", "generator.numImages", "labeler.epochs"];

/** Flags for the values of `config` that would be others if they were left out beside `base`. */
function flagsFor(config: Config, base: PartialConfig, keys: readonly string[]): string[] {
  const leaves = configLeaves(keys);
  const withValue = (partial: PartialConfig, key: string) => mergeConfigs(partial, nest(key, valueAt(config, key)));
  const resolvedBase = configSchema.parse(base);
  // A key without a fixed default takes one that suits the values of the other keys.
  let given = leaves
    .filter(({ schema }) => schema.default !== undefined)
    .reduce((partial, { key }) => withValue(partial, key), base);
  return leaves.flatMap(({ key, schema }) => {
    const before = valueAt(schema.default === undefined ? configSchema.parse(given) : resolvedBase, key);
    given = withValue(given, key);
    const value = String(valueAt(config, key));
    return value === String(before) && !writtenKeys.includes(key)
      ? []
      : [`--${flagOf(key)} ${quoteWord(plainText(value))}`];
  });
}

function joinFlags(command: string, flags: readonly string[]): string {
  return [command, ...flags].join(flags.length > 3 ? " \\\n  " : " ");
}
