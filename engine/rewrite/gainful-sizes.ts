import { Graph, type Node, type Tensor } from "../graph.ts";
import { neededNodes } from "../write-onnx.ts";
import { fitsWinograd } from "./winograd.ts";

/** Longest side, in pixels, that a matrix for a whole side is worth its zeros; in training convolutions are slower. */
const longestSide = { inference: 16, training: 32 };

/** Fewest channels, on either side of a convolution, at which the transforms cost less than they save. */
const fewestChannels = 32;

/** Fewest pairs of channels for each channel that is transformed, in training on large images. */
const fewestPairs = 20;

/** Fewest tiles of a batch: with less, reading the transformed filters takes longer than using them. */
const fewestTiles = 16;

export function sizeOfImages({ shape }: Tensor): string {
  return shape.slice(2).join("×");
}

export function is3x3(filters: Tensor, { attributes }: Node): boolean {
  const [stride, padding] = ["strides", "pads"].map((key) => (attributes[key] as number[])[0]!);
  return filters.shape.slice(2).join() === "3,3" && stride === 1 && padding === 1;
}

/**
 * Sizes of images all of whose 3×3 convolutions gain, bodies of loops included. Where only some of them do, the
 * changes of layout between them would cost more.
 */
export function gainfulSizes(graph: Graph, sizes = new Map<string, boolean>()): ReadonlyMap<string, boolean> {
  for (const node of neededNodes(graph).nodes) {
    const [x, filters] = node.inputs;
    if (node.op.name === "Conv" && is3x3(filters!, node)) {
      const gains =
        graph.constants.has(filters!.name) &&
        fits(x!, longestSide.inference) &&
        Math.min(filters!.shape[0]!, filters!.shape[1]!) >= fewestChannels;
      note(sizes, x!, gains);
    }
    for (const value of Object.values(node.attributes)) if (value instanceof Graph) gainfulSizes(value, sizes);
  }
  return sizes;
}

/** The same for a graph that will be differentiated. */
export function gainfulSizesInTraining(graph: Graph): ReadonlyMap<string, boolean> {
  const sizes = new Map<string, boolean>();
  // Transforms take time for each channel, products save it for each pair.
  const [transforms, products] = [new Map<string, number>(), new Map<string, number>()];
  for (const node of neededNodes(graph).nodes) {
    const [x, filters] = node.inputs;
    // It would turn all images back.
    if (node.op.name === "MaxPool") note(sizes, x!, false);
    if (node.op.name !== "Conv" || !is3x3(filters!, node)) continue;
    note(sizes, x!, fits(x!, longestSide.training));
    const [numOutputs, numInputs] = filters!.shape as [number, number];
    const size = sizeOfImages(x!);
    transforms.set(size, (transforms.get(size) ?? 0) + numOutputs + numInputs);
    products.set(size, (products.get(size) ?? 0) + numOutputs * numInputs);
  }
  for (const [size, gains] of sizes) {
    const isLarge = size.split("×").some((side) => Number(side) > longestSide.inference);
    const pairs = (products.get(size) ?? 0) / (transforms.get(size) ?? 1);
    sizes.set(size, gains && (!isLarge || pairs >= fewestPairs));
  }
  return sizes;
}

function fits({ dtype, shape }: Tensor, longest: number): boolean {
  const [numImages, , height, width] = shape as [number, number, number, number];
  const numTiles = (numImages * height * width) / 16;
  return dtype === "float32" && fitsWinograd(height, width, longest) && numTiles >= fewestTiles;
}

function note(sizes: Map<string, boolean>, images: Tensor, gains: boolean): void {
  const size = sizeOfImages(images);
  sizes.set(size, gains && sizes.get(size) !== false);
}
