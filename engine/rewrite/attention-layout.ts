import type { Attributes, Node, Tensor } from "../graph/graph.ts";
import { split } from "../ops/concat.ts";
import { mul } from "../ops/elementwise.ts";
import { matmul, swapLastTwo } from "../ops/matmul.ts";
import { reshape, transpose } from "../ops/reshape.ts";

/** What the rewriter of the whole graph does for this part of it. */
interface Surroundings {
  readonly producerOf: (old: Tensor) => Node | undefined;
  readonly copyOf: (old: Tensor) => Tensor;
  readonly note: (old: Tensor, tensor: Tensor) => void;
  /** Takes images [H, W, N, C] for old ones, where their size gains. */
  readonly leave: (images: Tensor, tensor: Tensor) => boolean;
}

/** Matrices kept with their last two axes exchanged, [N, heads, H·W, width], as attention gets them from the HWNC layout. */
export class SwappedMatrices {
  readonly #surroundings: Surroundings;
  readonly #swapped = new Map<string, Tensor>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  has({ name }: Tensor): boolean {
    return this.#swapped.has(name);
  }

  /** @param images - [H, W, N, heads · width], for old matrices [N, heads, width, H·W] */
  enter(old: Tensor, images: Tensor): void {
    const [numImages, numHeads, width, numPlaces] = old.shape as [number, number, number, number];
    const heads = reshape(images, [numPlaces, numImages, numHeads, width]);
    this.#swapped.set(old.name, transpose(heads, [1, 2, 0, 3]));
  }

  restore({ name }: Tensor): Tensor {
    return swapLastTwo(this.#swapped.get(name)!);
  }

  /** Whether a node whose first input is one of the matrices could be done on them. */
  rewrite({ op, inputs, outputs, attributes }: Node): boolean {
    const { producerOf, copyOf, note, leave } = this.#surroundings;
    const x = this.#swapped.get(inputs[0]!.name)!;
    const [result] = outputs as [Tensor];
    const [second] = inputs.slice(1);
    if (op.name === "Split" && attributes["axis"] === 1) {
      const parts = split(x, attributes["sizes"] as number[], 1);
      outputs.forEach(({ name }, index) => {
        this.#swapped.set(name, parts[index]!);
      });
      return true;
    }
    if (op.name === "Transpose" && isSwap(attributes)) {
      note(result, x);
      return true;
    }
    if (op.name === "Mul" && second?.shape.length === 0) {
      this.#swapped.set(result.name, mul(x, copyOf(second)));
      return true;
    }
    if (op.name === "MatMul") {
      const turned = producerOf(second!);
      if (turned?.op.name !== "Transpose" || !isSwap(turned.attributes)) return false;
      this.#swapped.set(result.name, matmul(copyOf(turned.inputs[0]!), x));
      return true;
    }
    if (op.name === "Reshape" && result.shape.length === 4) {
      const [numImages, channels, height, width] = result.shape as [number, number, number, number];
      if (numImages !== inputs[0]!.shape[0] || inputs[0]!.shape.at(-1) !== height * width) return false;
      return leave(result, reshape(transpose(x, [2, 0, 1, 3]), [height, width, numImages, channels]));
    }
    return false;
  }
}

function isSwap(attributes: Attributes): boolean {
  const order = attributes["perm"] as number[];
  return order.length === 4 && order.join() === "0,1,3,2";
}
