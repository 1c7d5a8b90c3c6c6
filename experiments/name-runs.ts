import type { RunOptions } from "./run-options.ts";

/** What a run is called in lists, tables and figures. */
export interface RunName {
  /** The network and its size, such as `mlp 512×3`. */
  readonly network: string;
  /** The options that both worlds share, as far as runs differ in them, such as `crop-flip, learningRate 0.1`. */
  readonly setting: string;
  /** `ideal`, or N and the options that only the real world has, such as `real 5000, stopBelow 0`. */
  readonly world: string;
  /** `setting` and the options that only the real world has, for tables with N in another column. */
  readonly settingOfRow: string;
  /** One line with all of it and the seed. */
  readonly label: string;
}

/** Options that change nothing in the ideal world. */
const realOnly: ReadonlySet<string> = new Set(["shuffle", "stopBelow"]);

/** Options that are named first, in this order; the others follow in the order of the schema. */
const namedFirst = ["augmentation", "pretraining.task", "labelNoise.rate", "loss", "optimizer.name"];

/** Options that are named whenever a run has them: they say that the option around them is there. */
const alwaysNamed: ReadonlySet<string> = new Set(["pretraining.task", "labelNoise.rate"]);

/** One option, or one key of an option that is an object. */
interface Leaf {
  /** `learningRate`, `optimizer.momentum`. */
  readonly key: string;
  /** The runs among which this option is compared: `real`, or those whose optimizer has the same name. */
  readonly scope: string;
  readonly value: string;
}

/**
 * Names runs so that any two of them that differ in more than the seed have different names. An option is named if its
 * value differs among the runs of one network.
 * @param runs - all runs that a reader sees together
 */
export function runNamer(runs: readonly { readonly options: RunOptions }[]): (options: RunOptions) => RunName {
  const groups = new Map<string, RunOptions[]>();
  for (const { options } of runs) {
    const network = describeNetwork(options);
    const group = groups.get(network);
    if (group === undefined) groups.set(network, [options]);
    else group.push(options);
  }
  const differing = new Map([...groups].map(([network, group]) => [network, differingOptions(group)]));
  return (options) => {
    const network = describeNetwork(options);
    const named = differing.get(network);
    const leaves = leavesOf(options).filter((leaf) => alwaysNamed.has(leaf.key) || named?.has(idOf(leaf)) === true);
    const others = leaves.filter(({ key }) => key !== "augmentation");
    const shared = others.filter(({ key }) => !realOnly.has(key)).map(toWords);
    const reuse = others.filter(({ key }) => realOnly.has(key)).map(toWords);
    const { augmentation, seed } = options;
    const isAugmented = augmentation !== "none";
    const setting = [isAugmented ? augmentation : "no augmentation", ...shared];
    const world = [describeWorld(options), ...reuse].join(", ");
    return {
      network,
      setting: setting.join(", "),
      world,
      settingOfRow: [...setting, ...reuse].join(", "),
      label: [network, world, ...(isAugmented ? [augmentation] : []), ...shared, `seed ${seed}`].join(", "),
    };
  };
}

/** The network and its size, such as `resnet18k 16` or `mlp 512×3`. */
export function describeNetwork({ network }: Pick<RunOptions, "network">): string {
  const { name, numClasses: _, dropout, ...sizes } = network;
  const numbers = Object.values(sizes).map((size) => (Array.isArray(size) ? size.join("-") : String(size)));
  const parts = [name, numbers.join("×"), dropout > 0 ? `dropout ${dropout}` : ""];
  return parts.filter((part) => part !== "").join(" ");
}

/** The world, such as `real 5000`. */
export function describeWorld({ world, numSamples }: Pick<RunOptions, "world" | "numSamples">): string {
  return world === "real" ? `real ${numSamples}` : "ideal";
}

/** The options that have several values, or that some runs lack, among the runs that they are compared in. */
function differingOptions(runs: readonly RunOptions[]): ReadonlySet<string> {
  const scopeSizes = new Map<string, number>();
  const found = new Map<string, { readonly scope: string; readonly values: Set<string>; numRuns: number }>();
  for (const options of runs) {
    const leaves = leavesOf(options);
    for (const scope of new Set(leaves.map((leaf) => leaf.scope))) {
      scopeSizes.set(scope, (scopeSizes.get(scope) ?? 0) + 1);
    }
    for (const leaf of leaves) {
      const known = found.get(idOf(leaf)) ?? { scope: leaf.scope, values: new Set<string>(), numRuns: 0 };
      known.values.add(leaf.value);
      known.numRuns++;
      found.set(idOf(leaf), known);
    }
  }
  const differing = [...found].filter(
    ([, { scope, values, numRuns }]) => values.size > 1 || numRuns < scopeSizes.get(scope)!,
  );
  return new Set(differing.map(([id]) => id));
}

/** The options that a run has, without those that every name holds. */
function leavesOf({ network: _, world, numSamples: __, seed: ___, ...options }: RunOptions): Leaf[] {
  const leaves = Object.entries(options).flatMap(([key, value]): Leaf[] => {
    if (value === undefined || (world === "ideal" && realOnly.has(key))) return [];
    if (typeof value !== "object" || Array.isArray(value)) {
      return [{ key, scope: realOnly.has(key) ? "real" : "all", value: show(value) }];
    }
    // Optimizers of different names have different options, which need no comparison.
    const scope = `${key} ${"name" in value ? value.name : ""}`;
    return Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([name, inner]) => ({ key: `${key}.${name}`, scope: name === "name" ? "all" : scope, value: show(inner) }));
  });
  const rankOf = ({ key }: Leaf) => (namedFirst.includes(key) ? namedFirst.indexOf(key) : namedFirst.length);
  return leaves.sort((a, b) => rankOf(a) - rankOf(b));
}

function idOf({ scope, key }: Leaf): string {
  return `${scope}: ${key}`;
}

function show(value: unknown): string {
  return Array.isArray(value) ? value.join("/") : String(value);
}

function toWords({ key, value }: Leaf): string {
  switch (key) {
    case "loss":
    case "optimizer.name":
      return value;
    case "pretraining.task":
      return `pretrained on ${value}`;
    case "labelNoise.rate":
      return `label noise ${value}`;
    case "schedule.name":
      return `schedule ${value}`;
    default:
      return `${key} ${value}`;
  }
}
