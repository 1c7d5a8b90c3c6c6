import { Graph, type Node, type Tensor } from "../graph.ts";
import { neededNodes } from "../write-onnx.ts";
import { fitsWinograd } from "./winograd.ts";

/** Fewest channels, on either side of a convolution, at which the transforms cost less than they save. */
const fewestChannels = 32;

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
export function gainfulSizes(graph: Graph, sizes = new Map<string, boolean>()): Map<string, boolean> {
  for (const node of neededNodes(graph).nodes) {
    const [x, filters] = node.inputs;
    if (node.op.name === "Conv" && is3x3(filters!, node)) {
      const gains =
        graph.constants.has(filters!.name) &&
        x!.dtype === "float32" &&
        fitsWinograd(x!.shape[2]!, x!.shape[3]!) &&
        (x!.shape[0]! * x!.shape[2]! * x!.shape[3]!) / 16 >= fewestTiles &&
        Math.min(filters!.shape[0]!, filters!.shape[1]!) >= fewestChannels;
      const size = sizeOfImages(x!);
      sizes.set(size, gains && sizes.get(size) !== false);
    }
    for (const value of Object.values(node.attributes)) if (value instanceof Graph) gainfulSizes(value, sizes);
  }
  return sizes;
}
