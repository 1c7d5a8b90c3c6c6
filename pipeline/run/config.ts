import * as z from "zod";
import { Cifar5mError } from "../../core/errors.ts";
import { numCifar10Classes } from "../../core/image-layout.ts";
import { isObject } from "../../core/is-object.ts";
import type { JsonSchema } from "../../core/json-schema.ts";
import { parseWithSchema } from "../../core/parse-with-schema.ts";
import { engineNames, precisions } from "../../engine/executor.ts";
import {
  adversarialLevels,
  adversarialSchema,
  generatorTrainingSchema,
  guidesAnyCall,
  requireSamplerOptions,
  samplerSchema,
  type TuningMethod,
  tuningSchema,
  type UnguidedOptions,
} from "../../generator/index.ts";
import { labelerTrainingSchema } from "../../labeler/index.ts";
import { largestUnit } from "./units.ts";

/** Number of images that a graph takes at once, at most: 200 MB of them. */
const maxBatchSize = 16_384;

/** What a hash implies that says nothing of labeling, as those of earlier releases. */
const impliedLabeling = { batchSize: 100 } as const;

/** The guidance that suits the shipped generator best; see docs/scores.md. */
const bestGuidance = { guidance: 3, guidanceMin: 0.3, guidanceMax: 5 } as const;
const everywhere = { guidanceMin: 0, guidanceMax: 1000 } as const;
const { guidance, guidanceMin, guidanceMax } = samplerSchema.shape;

function describeBound(what = "", bound: keyof typeof everywhere): string {
  return `${what}. Left out, it is ${bestGuidance[bound]}, or ${everywhere[bound]} where no call would be guided`;
}

/**
 * Everything that a run is made from. The types, the defaults, the flags of the command line and the hash all come from
 * here.
 */
export const configSchema = z.strictObject({
  seed: z.int().min(0).default(0).describe("seed of all random numbers"),
  count: z.int().min(1).default(5_000_000).describe("images of the train part, before removals"),
  testCount: z
    .int()
    .min(0)
    .optional()
    .describe("images of the test part, before removals. Left out, it is a fifth of count, rounded up"),
  unitSize: z.int().min(1).max(largestUnit).default(10_000).describe("images of one unit of work, and of one shard"),
  dropNearCopies: z
    .boolean()
    .default(false)
    .describe("leave out images that are near-copies of CIFAR-10, memorized or leaked; it needs CIFAR-10 in the run"),
  balance: z
    .boolean()
    .default(false)
    .describe("publish as many images of each label as the rarest one has in its part: the first ones by id"),
  engine: z.enum(engineNames).default("onnxruntime").describe("what executes the graphs"),
  device: z.string().min(1).default("cpu").describe("where it executes them: cpu, cuda, webgpu, …"),
  precision: z
    .enum(precisions)
    .default("float32")
    .describe("of convolutions and matrix products; mixed has float16 there, for GPUs"),
  recordsPerFile: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .meta({ description: "images in each of the six files of CIFAR-10", hidden: true }),
  sampler: samplerSchema
    .extend({
      batchSize: z
        .union([z.literal("auto"), z.int().min(1).max(maxBatchSize)])
        .default("auto")
        .describe("images that the graph takes at once; auto is 16 on a CPU, elsewhere what proves fastest"),
      guidance: guidance
        .unwrap()
        .optional()
        .describe(
          "guidance scale; 1 is the plain model, any other costs a second call at the guided noise levels. Left out, it is " +
            `${bestGuidance.guidance}, and 1 for tuned generators, for ONNX files and without classes`,
        ),
      guidanceMin: guidanceMin.unwrap().optional().describe(describeBound(guidanceMin.description, "guidanceMin")),
      guidanceMax: guidanceMax.unwrap().optional().describe(describeBound(guidanceMax.description, "guidanceMax")),
    })
    .prefault({})
    .transform(chooseGuidance),
  labeling: z
    .strictObject({
      batchSize: z
        .int()
        .min(1)
        .max(maxBatchSize)
        .default(impliedLabeling.batchSize)
        .describe("images that the labeler takes at once; probabilities may round differently with another number"),
    })
    .prefault({}),
  generator: generatorTrainingSchema.prefault({}),
  tuning: tuningSchema.prefault({}),
  adversarial: adversarialSchema.prefault({}),
  labeler: labelerTrainingSchema.prefault({}),
});

/** As in the default of six million images, a test image comes with every five train images. */
function chooseTestCount<Keys extends { count: number; testCount?: number | undefined }>(
  keys: Keys,
): Keys & { testCount: number } {
  return { ...keys, testCount: keys.testCount ?? Math.ceil(keys.count / 5) };
}

/** A configuration with all keys. */
export const resolvedSchema = configSchema.transform(chooseTestCount);

/** The keys of guidance. A record, since hashes take any record of values. */
type GuidanceKeys<Value> = Readonly<Record<"guidance" | "guidanceMin" | "guidanceMax", Value>>;

/** Guidance for the keys that are left out. A tuned generator has its own built in; images of any class have no guide. */
function chooseGuidance<Sampler extends UnguidedOptions>(
  sampler: Sampler & Partial<GuidanceKeys<number | undefined>>,
): Sampler & GuidanceKeys<number> {
  const hasGuide = sampler.conditional && sampler.name !== "consistency";
  const guidance = sampler.guidance ?? (hasGuide ? bestGuidance.guidance : 1);
  // A trajectory of two calls may have no level in the interval.
  const isInterval = guidance !== 1 && guidesAnyCall({ ...sampler, ...bestGuidance });
  const { guidanceMin, guidanceMax } = isInterval ? bestGuidance : everywhere;
  return {
    ...sampler,
    guidance,
    guidanceMin: sampler.guidanceMin ?? guidanceMin,
    guidanceMax: sampler.guidanceMax ?? guidanceMax,
  };
}

/** A configuration as a base for others: guidance that is what it would be if it were left out is chosen anew for each. */
export function asBase(config: Config): PartialConfig {
  const { guidance, guidanceMin, guidanceMax, ...sampler } = config.sampler;
  const own = chooseGuidance<typeof sampler>({ ...sampler, guidance });
  const hasOwnRange = own.guidanceMin === guidanceMin && own.guidanceMax === guidanceMax;
  return {
    ...config,
    sampler: {
      ...sampler,
      ...(chooseGuidance<typeof sampler>(sampler).guidance === guidance ? {} : { guidance }),
      ...(hasOwnRange ? {} : { guidanceMin, guidanceMax }),
    },
  };
}

/** A section of the configuration that says how a model is trained: one for each model, and for each way to tune one. */
// Written out, not taken from the list: typedoc warns of a public type that refers to a constant that is not public.
export type TrainingSection = "generator" | "tuning" | "adversarial" | "labeler";
export const trainingSections = [
  "generator",
  "tuning",
  "adversarial",
  "labeler",
] as const satisfies readonly TrainingSection[];

/** The section of each way to tune a generator. */
export const tuningSections = {
  consistency: "tuning",
  adversarial: "adversarial",
} as const satisfies Record<TuningMethod, TrainingSection>;

/** The resolved configuration: every key has a value. */
export type Config = Omit<z.infer<typeof configSchema>, "testCount"> & { testCount: number };
/** Some of the keys, as a config file or flags give them. */
export type PartialConfig = { readonly [Key in keyof Config]?: unknown };

/** JSON schema of the configuration. The command line derives its flags from it. */
export const configJsonSchema = z.toJSONSchema(configSchema, { io: "input" }) as JsonSchema;

/**
 * Keys that change only the speed. No hash includes them, so a run may resume with other values. Batch sizes must not be
 * among them: engines pick kernels by batch size, and kernels round differently.
 */
export const keysOutsideTheBytes: ReadonlySet<string> = new Set([
  "generator.stepsPerCheckpoint",
  "tuning.stepsPerCheckpoint",
  "adversarial.stepsPerCheckpoint",
]);

/** Keys of the sampler that earlier releases lacked. A hash without one of them implies its value here. */
const impliedSamplerKeys: Readonly<Record<string, unknown>> = {
  ...everywhere,
  guide: "unconditional",
};

/**
 * The part of a hash that depends on the sampler: everything that determines its images. Keys with their implied
 * value are left out, so runs of earlier releases keep their hash.
 */
export function samplerIdentity(sampler: Config["sampler"]): Readonly<Record<string, unknown>> {
  return withoutImplied(sampler, impliedSamplerKeys);
}

/** The part of the hash of a data set that its labels depend on, apart from the labeler, without implied values. */
export function labelingIdentity({ labeling }: Pick<Config, "labeling">): Readonly<Record<string, unknown>> {
  const kept = withoutImplied(labeling, impliedLabeling);
  return Object.keys(kept).length === 0 ? {} : { labeling: kept };
}

/** Implied values of the keys that decide which images are published. */
const impliedSelection: Readonly<Record<string, unknown>> = { dropNearCopies: false, balance: false };

/** The part of the hash of a data set that says which images are published, without implied values. */
export function selectionIdentity({
  dropNearCopies,
  balance,
}: Pick<Config, "dropNearCopies" | "balance">): Readonly<Record<string, unknown>> {
  return withoutImplied({ dropNearCopies, balance }, impliedSelection);
}

function withoutImplied(
  values: Readonly<Record<string, unknown>>,
  implied: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(values).filter(([key, value]) => implied[key] !== value));
}

/** The keys that a stored identity stands for. Those that it leaves out have their implied value, which may not be their default. */
export function keysOfIdentity(identity: Readonly<Record<string, unknown>>): PartialConfig {
  const { sampler, labeling } = identity;
  return {
    ...impliedSelection,
    ...identity,
    ...(isObject(sampler) ? { sampler: { ...impliedSamplerKeys, ...sampler } } : {}),
    labeling: isObject(labeling) ? { ...impliedLabeling, ...labeling } : impliedLabeling,
  };
}

/** Keys that models and CIFAR-10 are made from. Receipts name those by their own hashes. */
const keysOfModels: readonly string[] = ["recordsPerFile", ...trainingSections];

/** Keys that determine a data set, given its models and CIFAR-10. */
export const datasetKeys = Object.keys(configSchema.shape).filter((key) => !keysOfModels.includes(key));

/** Keys that the hash of a data set does not include; it includes all others. The size may grow. */
export const keysOutsideTheDataset: ReadonlySet<string> = new Set([
  ...keysOutsideTheBytes,
  "count",
  "testCount",
  ...keysOfModels,
]);

/**
 * Resolves a configuration: the given keys, and the defaults for all others.
 * @param partial - nested, as in a config file
 * @throws Cifar5mError `config/unknown-key` or `config/out-of-range`, naming the key, the rule and the value
 */
export function resolveConfig(partial: PartialConfig): Config {
  const config = parseWithSchema(resolvedSchema, partial, { area: "config", owner: "the configuration" });
  requireSamplerOptions(config.sampler);
  requireBalanceable(config);
  // Throws if the levels do not fall.
  adversarialLevels(config.adversarial);
  return config;
}

/** A part with fewer images than labels has none of some label. */
function requireBalanceable({ balance, count, testCount }: Config): void {
  const [key, images] = count < numCifar10Classes ? ["count", count] : ["testCount", testCount];
  if (!balance || images === 0 || images >= numCifar10Classes) return;
  throw new Cifar5mError(
    "config/out-of-range",
    `with balance, ${key} must be at least ${numCifar10Classes}, an image of each label, got ${images}. Ask for more images, or leave balance out.`,
  );
}

/** Merges two partial configurations. If both have a key, the value of `over` applies. */
export function mergeConfigs(under: PartialConfig, over: PartialConfig): PartialConfig {
  return mergeObjects(under as Record<string, unknown>, over as Record<string, unknown>);
}

function mergeObjects(under: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    if (value !== undefined) merged[key] = isObject(before) && isObject(value) ? mergeObjects(before, value) : value;
  }
  return merged;
}
