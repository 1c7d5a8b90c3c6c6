import { Graph, type Node, type Tensor } from "../graph/graph.ts";
import { neededNodes } from "../graph/needed-nodes.ts";
import { fitsWinograd } from "./winograd.ts";

/** What a graph is used for. In inference filters are constant, and then onnxruntime's convolutions are faster. */
export type Purpose = "inference" | "training";

/** The longest side, in pixels. For longer sides, the matrix of a whole side has too many zeros. */
const longestSide = 32;

/**
 * The smallest number of channel pairs per channel that gains. Transforms cost time per channel, and products save time
 * per pair of an input and an output channel. For long sides the matrices are large, so more pairs are needed.
 */
const fewestPairs: Readonly<Record<Purpose, (side: number) => number>> = {
  inference: (side) => (side > 16 ? 32 : 16),
  training: (side) => (side > 16 ? 20 : 1),
};

/**
 * How many channels each channel of a max pooling counts as, if the pooling has no rule and needs its images converted
 * back to NCHW. In training its gradient needs that too.
 */
const convertedChannels: Readonly<Record<Purpose, number>> = { inference: 2, training: Number.POSITIVE_INFINITY };

/** Whether a pooling halves both sides of its images without remainder. */
export function isHalving({ inputs, attributes }: Node): boolean {
  const sides = inputs[0]!.shape.slice(2);
  return String(attributes["kernel_shape"]) === "2,2" && sides.every((side) => side % 2 === 0);
}

/** The smallest number of tiles in a batch. With fewer, reading the transformed filters takes longer than using them. */
const fewestTiles = 16;

export function sizeOfImages({ shape }: Tensor): string {
  return shape.slice(2).join("×");
}

export function is3x3(filters: Tensor, { attributes }: Node): boolean {
  const [stride, padding] = ["strides", "pads"].map((key) => (attributes[key] as number[])[0]!);
  return filters.shape.slice(2).join() === "3,3" && stride === 1 && padding === 1;
}

/** Totals over the 3×3 convolutions of images of one size. */
interface Convolutions {
  /** The longer side of the images, in pixels. */
  readonly side: number;
  /** Whether Winograd's form fits all of them. */
  fit: boolean;
  numChannels: number;
  numPairs: number;
}

/**
 * The sizes of images whose 3×3 convolutions gain from Winograd's form, including those in loop bodies. Either all
 * convolutions of a size are rewritten or none, because changing the layout between them would cost more.
 */
export function winogradSizes(graph: Graph, purpose: Purpose): ReadonlySet<string> {
  const bySize = new Map<string, Convolutions>();
  collectConvolutions(graph, purpose, bySize);
  const gains = ({ fit, numPairs, numChannels, side }: Convolutions) =>
    fit && numPairs / numChannels >= fewestPairs[purpose](side);
  return new Set([...bySize].filter(([, convolutions]) => gains(convolutions)).map(([size]) => size));
}

function collectConvolutions(graph: Graph, purpose: Purpose, bySize: Map<string, Convolutions>): void {
  const ofSize = (images: Tensor) => {
    const size = sizeOfImages(images);
    const known = bySize.get(size);
    if (known !== undefined) return known;
    const convolutions = {
      side: Math.max(...images.shape.slice(2)),
      fit: true,
      numChannels: 0,
      numPairs: 0,
    };
    bySize.set(size, convolutions);
    return convolutions;
  };
  for (const node of neededNodes(graph).nodes) {
    const [x, filters] = node.inputs as [Tensor, Tensor];
    if (node.op.name === "MaxPool" && !isHalving(node))
      ofSize(x).numChannels += convertedChannels[purpose] * x.shape[1]!;
    if (node.op.name === "Conv" && is3x3(filters, node)) {
      const convolutions = ofSize(x);
      const [numOutputs, numInputs] = filters.shape as [number, number];
      convolutions.numChannels += numOutputs + numInputs;
      convolutions.numPairs += numOutputs * numInputs;
      convolutions.fit &&= fits(x) && (purpose === "training" || graph.constants.has(filters.name));
    }
    for (const value of Object.values(node.attributes))
      if (value instanceof Graph) collectConvolutions(value, purpose, bySize);
  }
}

function fits({ dtype, shape }: Tensor): boolean {
  const [numImages, , height, width] = shape as [number, number, number, number];
  const numTiles = (numImages * height * width) / 16;
  return dtype === "float32" && fitsWinograd(height, width, longestSide) && numTiles >= fewestTiles;
}
