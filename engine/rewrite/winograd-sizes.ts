import { Graph, type Node, type Tensor } from "../graph/graph.ts";
import { neededNodes } from "../graph/needed-nodes.ts";
import { fitsWinograd } from "./winograd.ts";

/** What a graph is for: onnxruntime's own convolutions are faster where filters are constants. */
export type Purpose = "inference" | "training";

/** Longest side, in pixels: beyond it a matrix for a whole side has too many zeros. */
const longestSide = 32;

/**
 * Fewest pairs of channels for each channel: transforms take time for each channel, products save it for each pair. More are
 * needed where the matrices of a side are large.
 */
const fewestPairs: Readonly<Record<Purpose, (side: number) => number>> = {
  inference: (side) => (side > 16 ? 32 : 16),
  training: (side) => (side > 16 ? 20 : 1),
};

/** What a channel of another max pooling counts as, which wants the images turned back; in training its gradient too. */
const turnedChannels: Readonly<Record<Purpose, number>> = { inference: 2, training: Number.POSITIVE_INFINITY };

/** Whether a pooling halves both sides without rest. */
export function isHalving({ inputs, attributes }: Node): boolean {
  const sides = inputs[0]!.shape.slice(2);
  return String(attributes["kernel_shape"]) === "2,2" && sides.every((side) => side % 2 === 0);
}

/** Fewest tiles of a batch: with less, reading the transformed filters takes longer than using them. */
const fewestTiles = 16;

export function sizeOfImages({ shape }: Tensor): string {
  return shape.slice(2).join("×");
}

export function is3x3(filters: Tensor, { attributes }: Node): boolean {
  const [stride, padding] = ["strides", "pads"].map((key) => (attributes[key] as number[])[0]!);
  return filters.shape.slice(2).join() === "3,3" && stride === 1 && padding === 1;
}

/** What the 3×3 convolutions of a size of images are together. */
interface Convolutions {
  /** The longer one, in pixels. */
  readonly side: number;
  fit: boolean;
  numChannels: number;
  numPairs: number;
}

/**
 * Sizes of images whose 3×3 convolutions gain together, bodies of loops included. All of a size change or none, since
 * changes of layout between them would cost more.
 */
export function gainfulSizes(graph: Graph, purpose: Purpose): ReadonlySet<string> {
  const bySize = new Map<string, Convolutions>();
  survey(graph, purpose, bySize);
  const gains = ({ fit, numPairs, numChannels, side }: Convolutions) =>
    fit && numPairs / numChannels >= fewestPairs[purpose](side);
  return new Set([...bySize].filter(([, convolutions]) => gains(convolutions)).map(([size]) => size));
}

function survey(graph: Graph, purpose: Purpose, bySize: Map<string, Convolutions>): void {
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
    if (node.op.name === "MaxPool" && !isHalving(node)) ofSize(x).numChannels += turnedChannels[purpose] * x.shape[1]!;
    if (node.op.name === "Conv" && is3x3(filters, node)) {
      const convolutions = ofSize(x);
      const [numOutputs, numInputs] = filters.shape as [number, number];
      convolutions.numChannels += numOutputs + numInputs;
      convolutions.numPairs += numOutputs * numInputs;
      convolutions.fit &&= fits(x) && (purpose === "training" || graph.constants.has(filters.name));
    }
    for (const value of Object.values(node.attributes)) if (value instanceof Graph) survey(value, purpose, bySize);
  }
}

function fits({ dtype, shape }: Tensor): boolean {
  const [numImages, , height, width] = shape as [number, number, number, number];
  const numTiles = (numImages * height * width) / 16;
  return dtype === "float32" && fitsWinograd(height, width, longestSide) && numTiles >= fewestTiles;
}
