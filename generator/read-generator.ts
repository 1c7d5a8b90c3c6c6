import { Cifar5mError } from "../core/errors.ts";
import { requireWeightsOf, type Weights } from "../engine/parameters/constant-scope.ts";
import { readSafetensors, writeSafetensors } from "../engine/parameters/safetensors.ts";
import { readNetwork } from "../networks/read-network.ts";
import { networkDenoiser } from "./denoiser.ts";
import { type GeneratorNetworkOptions, generatorNetworkSchema } from "./network-options.ts";

/** The prefix of the names of a weaker model's weights. */
const weakerPrefix = "weaker.";

type WeightValue = Weights extends ReadonlyMap<string, infer Value> ? Value : never;

/**
 * Reads the weights and the architecture of a generator.
 * @param file - a safetensors file made by `trainGenerator`
 * @throws Cifar5mError `weights/corrupt`, `weights/not-finite` or `weights/wrong-architecture`
 */
export function readGenerator(file: Uint8Array): {
  readonly tensors: Weights;
  /** The weights of a weaker model of the same architecture, see `joinWeaker`. */
  readonly weaker: Weights | undefined;
  readonly network: GeneratorNetworkOptions;
  /** Whether it was tuned to need one or two calls. */
  readonly isTuned: boolean;
} {
  const { tensors: all, metadata } = readSafetensors(file, "the generator's weights");
  // Files of earlier releases may lack the network, or lack `normalization`, which was always `groups`.
  const network = readNetwork(metadata, "generator", generatorNetworkSchema, { normalization: "groups" });
  const tensors = new Map<string, WeightValue>();
  const weaker = new Map<string, WeightValue>();
  for (const [name, value] of all) {
    if (name.startsWith(weakerPrefix)) weaker.set(name.slice(weakerPrefix.length), value);
    else tensors.set(name, value);
  }
  for (const weights of weaker.size === 0 ? [tensors] : [tensors, weaker]) {
    requireWeightsOf(weights, (scope, graph) => {
      const noisy = graph.input("noisy", "float32", [1, 3, 32, 32]);
      const sigma = graph.input("sigma", "float32", [1]);
      return networkDenoiser(() => scope, { ...network, dropout: 0 })(noisy, sigma, undefined);
    });
  }
  return { tensors, weaker: weaker.size === 0 ? undefined : weaker, network, isTuned: "tuned" in metadata };
}

/**
 * Adds a weaker model to the file of a generator, for autoguidance. The weaker model must have the same architecture; it
 * was trained for a shorter time.
 * @param file - the generator, a safetensors file
 * @param guide - the weaker model, a safetensors file
 * @returns a safetensors file with both models; a weaker model that the generator already had is replaced
 * @throws Cifar5mError `weights/wrong-architecture` if the architectures differ or one of them is tuned; `weights/corrupt`
 * @see Karras et al. 2024, arXiv:2406.02507
 */
export function joinWeaker(file: Uint8Array, guide: Uint8Array): Uint8Array {
  const [main, other] = [readGenerator(file), readGenerator(guide)];
  if (main.isTuned || other.isTuned) {
    throw new Cifar5mError(
      "weights/wrong-architecture",
      main.isTuned
        ? "the generator of a guide must not be tuned, got one that was tuned for few calls. Leave out the guide, or use the weights from before tuning."
        : "the guide must not be tuned, got one that was tuned for few calls. Use an earlier checkpoint of the generator's training.",
    );
  }
  const [wanted, found] = [main, other].map(({ network }) => JSON.stringify(network));
  if (wanted !== found) {
    throw new Cifar5mError(
      "weights/wrong-architecture",
      `the guide must have the architecture of the generator, ${wanted}, got ${found}. ` +
        "Use an earlier checkpoint of the generator's training.",
    );
  }
  const { metadata } = readSafetensors(file, "the generator's weights");
  const weaker = [...other.tensors].map(([name, value]) => [weakerPrefix + name, value] as const);
  const images = readSafetensors(guide, "the guide's weights").metadata["images"] ?? "unknown";
  return writeSafetensors(
    { tensors: new Map([...main.tensors, ...weaker]), metadata: { ...metadata, weakerImages: images } },
    "F16",
  );
}
