import type { Graph, Tensor } from "../engine/graph/graph.ts";
import { tensorData } from "../engine/graph/tensor.ts";
import { branch } from "../engine/ops/branch.ts";
import { add, less, mul, sub, where } from "../engine/ops/elementwise.ts";
import { reshape } from "../engine/ops/reshape.ts";
import { slice } from "../engine/ops/slice.ts";
import { constantScope, type Weights } from "../engine/parameters/constant-scope.ts";
import type { Scope } from "../engine/parameters/parameters.ts";
import { unet } from "../networks/unet.ts";
import type { GeneratorNetworkOptions } from "./network-options.ts";
import { preconditioning } from "./preconditioning.ts";

/**
 * D(x; sigma) as graph nodes: estimates clean images from noisy ones, pixels in [-1, 1].
 * @param noisy - images plus noise, float32 [B, 3, 32, 32]
 * @param sigma - standard deviation of the noise of each image, above 0, float32 [B], or [1] for all images
 * @param classes - conditioning classes, int64 [B]; undefined for images of any class
 * @returns float32 [B, 3, 32, 32]
 */
export type Denoiser = (noisy: Tensor, sigma: Tensor, classes: Tensor | undefined) => Tensor;

/**
 * The denoiser that consists of a U-Net and its preconditioning.
 * @param scopeIn - returns the scope with the parameters for calls in a graph
 */
export function networkDenoiser(
  scopeIn: (graph: Graph) => Scope,
  network: GeneratorNetworkOptions & { readonly dropout: number },
): Denoiser {
  const { numClasses } = network;
  return (noisy, sigma, classes) => {
    const { graph } = noisy;
    const factors = preconditioning(sigma);
    // The class number that training uses when it hides the class of an image.
    const none = () => graph.constant(tensorData("int64", [1], [numClasses]));
    const condition = numClasses === 0 ? undefined : (classes ?? none());
    const result = unet(scopeIn(graph), mul(noisy, factors.in), factors.noise, condition, network);
    return add(mul(noisy, factors.skip), mul(result, factors.out));
  };
}

/**
 * The denoiser of a trained U-Net. Its weights are constants of the graph that calls it. In a graph around a `Loop`,
 * onnxruntime would not reorder them for its kernels, and a call would take a third longer.
 * @throws Cifar5mError `weights/wrong-architecture`, at the first call
 */
export function trainedDenoiser(weights: Weights, network: GeneratorNetworkOptions): Denoiser {
  return networkDenoiser((graph) => constantScope(graph, weights), { ...network, dropout: 0 });
}

/**
 * Guidance: extrapolates from the result of a guide toward the result of the denoiser. Each call calls both.
 * @param weight - 1 gives the plain denoiser; larger weights go farther from the guide
 * @param guide - by default the denoiser without a class (classifier-free guidance); a weaker model for autoguidance
 * @see Ho and Salimans 2022, arXiv:2207.12598; Karras et al. 2024, arXiv:2406.02507, eq. 3
 */
export function guidedDenoiser(denoiser: Denoiser, weight: number, guide = withoutClass(denoiser)): Denoiser {
  return (noisy, sigma, classes) => guided(denoiser(noisy, sigma, classes), guide(noisy, sigma, classes), weight);
}

/** A denoiser that never gets the class. */
export function withoutClass(denoiser: Denoiser): Denoiser {
  return (noisy, sigma) => denoiser(noisy, sigma, undefined);
}

/**
 * Guidance for images whose noise level is in an interval; of the others, the result is the plain denoiser's. Each call
 * calls both for all images.
 * @param range - the smallest and the largest noise level that is guided
 * @see Kynkäänniemi et al. 2024, arXiv:2404.07724
 */
export function denoiserGuidedWithin(
  range: { readonly min: number; readonly max: number },
  denoiser: Denoiser,
  weight: number,
): Denoiser {
  const guide = withoutClass(denoiser);
  return (noisy, sigma, classes) => {
    const plain = sigma.graph.scalar("float32", 1);
    const weights = where(less(sigma, range.min), plain, where(less(range.max, sigma), plain, weight));
    return guided(denoiser(noisy, sigma, classes), guide(noisy, sigma, classes), reshape(weights, [-1, 1, 1, 1]));
  };
}

function guided(denoised: Tensor, guide: Tensor, weight: number | Tensor): Tensor {
  return add(mul(denoised, weight), mul(guide, typeof weight === "number" ? 1 - weight : sub(1, weight)));
}

/**
 * Guidance in some calls of a loop only. The other calls do not call the guide.
 * @param isGuided - whether the current call is guided, a bool scalar
 * @see Kynkäänniemi et al. 2024, arXiv:2404.07724
 */
export function denoiserGuidedWhere(isGuided: Tensor, denoiser: Denoiser, weight: number, guide: Denoiser): Denoiser {
  return (noisy, sigma, classes) =>
    branch(
      isGuided,
      [denoiser(noisy, sigma, classes), noisy, sigma],
      (denoised, x, level) => guided(denoised!, guide(x!, level!, classes), weight),
      (denoised) => denoised!,
    );
}

/**
 * A denoiser for batches whose images all have the same noise level. It uses the level of the first image for all images:
 * the last bit of onnxruntime's logarithm of a level depends on the index of the image in the batch.
 */
export function oneLevelDenoiser(denoiser: Denoiser): Denoiser {
  return (noisy, sigma, classes) => denoiser(noisy, slice(sigma, [{ axis: 0, start: 0, end: 1 }]), classes);
}
