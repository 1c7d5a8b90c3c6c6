import * as z from "zod";
import type { Tensor } from "../engine/graph/graph.ts";
import type { Scope } from "../engine/parameters/parameters.ts";
import { densenet, densenetSchema } from "./densenet.ts";
import { mcnn, mcnnSchema } from "./mcnn.ts";
import { mlp, mlpSchema } from "./mlp.ts";
import { resnet18k, resnet18kSchema } from "./resnet18k.ts";
import { vgg11, vgg11Schema } from "./vgg11.ts";
import { vit, vitSchema } from "./vit.ts";

/**
 * The networks of the Deep Bootstrap experiments by name. The defaults of each schema are the sizes of the paper. `vit` is of
 * the paper's sizes, but not that of its code (ADR 22). The last layer of each network is named `head`, so that it can be left out of weights pretrained for other classes.
 */
export const experimentNetworks = {
  mlp: { schema: mlpSchema, build: mlp },
  mcnn: { schema: mcnnSchema, build: mcnn },
  resnet18k: { schema: resnet18kSchema, build: resnet18k },
  vgg11: { schema: vgg11Schema, build: vgg11 },
  vit: { schema: vitSchema, build: vit },
  densenet: { schema: densenetSchema, build: densenet },
} as const;

export type ExperimentNetworkName = keyof typeof experimentNetworks;

const networkSchema = z.discriminatedUnion(
  "name",
  [mlpSchema, mcnnSchema, resnet18kSchema, vgg11Schema, vitSchema, densenetSchema],
  { error: (issue) => (issue.code === "invalid_union" || typeof issue.input === "string" ? knownNames() : undefined) },
);

function knownNames(): string {
  const names = Object.keys(experimentNetworks).join(", ");
  return `expected a preset (${Object.keys(experimentPresets).join(", ")}) or { "name": one of ${names} }`;
}

/** Sizes that a CPU trains in minutes. Missing options have the default of their schema. */
export const experimentPresets = {
  "mlp-small": { name: "mlp", width: 512, depth: 3 },
  "mcnn-small": { name: "mcnn", width: 16 },
  "resnet18k-tiny": { name: "resnet18k", width: 8 },
  "resnet18k-small": { name: "resnet18k", width: 16 },
  "vgg11-small": { name: "vgg11", width: 16 },
  "vit-small": { name: "vit", patch: 4, dim: 128, depth: 4, heads: 4, mlp: 512 },
  "densenet-small": { name: "densenet", growth: 12, depths: [4, 4, 4] },
} as const satisfies Readonly<Record<string, z.input<typeof networkSchema>>>;

export type ExperimentPresetName = keyof typeof experimentPresets;

/**
 * A network in a configuration: a preset such as `"resnet18k-small"`, or options such as
 * `{ "name": "resnet18k", "width": 16 }`. Missing options have their default.
 */
export const experimentNetworkSchema = z.preprocess(
  (value) => (isPresetName(value) ? experimentPresets[value] : value),
  networkSchema,
);

function isPresetName(value: unknown): value is ExperimentPresetName {
  return typeof value === "string" && Object.hasOwn(experimentPresets, value);
}

export type ExperimentNetworkOptions = z.infer<typeof experimentNetworkSchema>;

/**
 * Builds one of the experiment networks.
 * @param images - [N, 3, 32, 32], numbers in [-1, 1]
 * @returns logits, [N, numClasses]
 */
export function buildExperimentNetwork(scope: Scope, images: Tensor, options: ExperimentNetworkOptions): Tensor {
  // The compiler cannot see that each builder gets the options of its network.
  const build = experimentNetworks[options.name].build as (
    scope: Scope,
    images: Tensor,
    options: ExperimentNetworkOptions,
  ) => Tensor;
  return build(scope, images, options);
}
