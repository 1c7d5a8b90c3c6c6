import { Graph, type Node, type Tensor } from "../graph/graph.ts";
import type { Shape } from "../graph/tensor.ts";
import { concat } from "../ops/concat.ts";
import { add } from "../ops/elementwise.ts";
import { matmul, swapLastTwo } from "../ops/matmul.ts";
import { mean } from "../ops/reduce.ts";
import { reshape, transpose } from "../ops/reshape.ts";
import { SwappedMatrices } from "./attention-layout.ts";
import { ConstantFilters, turnFilters } from "./constant-filters.ts";
import {
  activated,
  applied,
  averageHalves,
  type HwncImages,
  maxHalves,
  normalizeGroups,
  scaled,
  shifted,
  statistics,
  upsampleImages,
} from "./hwnc-images.ts";
import { Rewriter } from "./rewriter.ts";
import { trainableWinogradConv, transformConstantFilters, winogradConv } from "./winograd.ts";
import { gainfulSizes, is3x3, isHalving, sizeOfImages } from "./winograd-sizes.ts";

/** Operations on each element by itself. */
const elementwise = new Set(["Sigmoid", "Relu", "Tanh", "Erf", "Exp", "Neg", "Abs", "Sqrt"]);
const pairwise = new Set(["Add", "Sub", "Mul", "Div"]);

/**
 * Rewrites a graph so that its convolutions of small images with constant filters run in Winograd's form, and what
 * lies between them in the layout that this form wants. Values stay the same up to rounding.
 */
export function rewriteHwnc(graph: Graph): Graph {
  const sizes = gainfulSizes(graph, "inference");
  return sizes.size > 0 ? new HwncRewriter(graph, new Graph(), sizes).run() : graph;
}

/**
 * Puts a graph that is still to be differentiated into another, rewritten so that its gradients gain too: then filters
 * need not be constant.
 * @param values - tensors for the graph's inputs, by name
 * @returns its outputs, by name
 */
export function insertHwnc(graph: Graph, to: Graph, values: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  return new HwncRewriter(graph, to, gainfulSizes(graph, "training")).insert(values);
}

class HwncRewriter extends Rewriter {
  readonly #constants: ConstantFilters;
  readonly #sizes: ReadonlySet<string>;
  readonly #places = new Map<string, HwncImages>();
  /** What images were before their factors and summands were applied. */
  readonly #origins = new Map<string, HwncImages>();
  /** Means of a batch's images and of their squares, [1, 1, 1, C] each. */
  readonly #statistics = new Map<string, readonly [Tensor, Tensor]>();
  /** Images whose channels are seen as groups, [N, G, C/G·H·W]. */
  readonly #groups = new Map<string, HwncImages>();
  readonly #swapped: SwappedMatrices;

  constructor(from: Graph, to: Graph, sizes: ReadonlySet<string>, outer?: HwncRewriter) {
    super(from, to, outer);
    this.#sizes = sizes;
    this.#constants = new ConstantFilters(from, to);
    this.#swapped = new SwappedMatrices({
      producerOf: (old) => from.producerOf(old),
      copyOf: (old) => this.copyOf(old),
      note: (old, tensor) => this.note(old, tensor),
      leave: (images, tensor) => {
        const gains = this.#gains(images);
        if (gains) this.#places.set(images.name, { tensor });
        return gains;
      },
    });
  }

  protected override bodyRewriter(body: Graph, to: Graph): HwncRewriter {
    return new HwncRewriter(body, to, this.#sizes, this);
  }

  protected override rewrite(node: Node): boolean {
    const { op, inputs, outputs } = node;
    const [first] = inputs as [Tensor];
    const [result] = outputs as [Tensor];
    const note = (places: HwncImages | undefined, as = this.#places) => {
      if (places === undefined) return false;
      as.set(result.name, places);
      return true;
    };
    if (op.name === "Conv") return note(this.#convolve(node));
    if (this.#swapped.has(first)) return this.#swapped.rewrite(node);
    const x = this.#places.get(first.name);
    if (op.name === "Identity") return note(this.#keepRule(node));
    if (pairwise.has(op.name)) return note(this.#combine(node));
    if (op.name === "Concat" && node.attributes["axis"] === 1 && inputs.some(({ name }) => this.#places.has(name))) {
      return note({
        tensor: concat(
          inputs.map((input) => this.#applied(input)),
          3,
        ),
      });
    }
    if (op.name === "Reshape" && this.#groups.has(first.name)) {
      const grouped = this.#groups.get(first.name)!;
      const [height, width, numImages, channels] = grouped.tensor.shape;
      return result.shape.join() === [numImages, channels, height, width].join() && note(grouped);
    }
    if (op.name === "LayerNormalization") {
      const grouped = this.#groups.get(first.name);
      return (
        grouped !== undefined &&
        note(normalizeGroups(grouped, first.shape[1]!, node.attributes["epsilon"] as number), this.#groups)
      );
    }
    if (op.name === "AveragePool" && this.#gains(result)) {
      const halves = String(node.attributes["kernel_shape"]) === "2,2";
      return note({
        tensor: x === undefined || !halves ? this.#toHwnc(this.copyNode(node)) : averageHalves(this.#applied(first)),
      });
    }
    if (x === undefined) return false;
    if (op.name === "MaxPool") return isHalving(node) && note({ tensor: maxHalves(this.#applied(first)) });
    if (op.name === "Reshape" && result.shape.length === 4) {
      const [numImages, , , numPlaces] = result.shape;
      if (numImages !== first.shape[0] || numPlaces !== first.shape[2]! * first.shape[3]!) return false;
      this.#swapped.enter(result, this.#applied(first));
      return true;
    }
    if (op.name === "Reshape") {
      const [numImages, channels] = first.shape as [number, number];
      const [sameImages, numGroups] = result.shape as [number, number];
      return (
        result.shape.length === 3 && sameImages === numImages && channels % numGroups === 0 && note(x, this.#groups)
      );
    }
    if (op.name === "ReduceMean" && String(node.attributes["axes"]) === "0,2,3") {
      this.note(result, this.#meanOfBatch(first, result.shape));
      return true;
    }
    if (op.name === "ReduceMean" && String(node.attributes["axes"]) === "1") {
      return note({ tensor: mean(this.#applied(first), { axes: [3], keepDims: true }) });
    }
    if (op.name === "BatchNormalization") {
      const [slope, intercept] = inputs.slice(1).map((values) => reshape(this.copyOf(values), [1, 1, 1, -1]));
      return note({ tensor: this.#applied(first), slope, intercept });
    }
    if (op.name === "Resize" && this.#gains(result))
      return note({ tensor: upsampleImages(this.#applied(first), node.attributes["size"] as number) });
    if (elementwise.has(op.name)) {
      const { dtype, shape } = this.#applied(first);
      return note({ tensor: this.to.append(op, [this.#applied(first)], node.attributes, [{ dtype, shape }])[0]! });
    }
    return false;
  }

  /** Results of `stopGradient` and `customVjp`. */
  #keepRule({ op, inputs, outputs }: Node): HwncImages | undefined {
    const [value] = inputs as [Tensor];
    const places = this.#places.get(value.name);
    if (places === undefined || op.rule === "algebraic") return places;
    const origin = this.#isSilu(inputs) ? this.#origins.get(inputs[1]!.name) : undefined;
    if (origin !== undefined) return { tensor: activated(this.#applied(inputs[1]!), origin) };
    const keepsLayout = op.vjp === undefined || op.rule === "elementwise";
    if (!keepsLayout || inputs.some(({ shape }) => shape.join() !== value.shape.join())) return undefined;
    const operands = inputs.map((input) => this.#applied(input));
    const declared = outputs.map(({ dtype }) => ({ dtype, shape: operands[0]!.shape }));
    return { tensor: this.to.append(op, operands, {}, declared)[0]! };
  }

  /** Whether a value with a rule is `silu`, x times sigmoid(x). */
  #isSilu([value, x, gate]: readonly Tensor[]): boolean {
    const [product, sigmoid] = [value, gate].map((tensor) => tensor && this.from.producerOf(tensor));
    return (
      product?.op.name === "Mul" &&
      sigmoid?.op.name === "Sigmoid" &&
      product.inputs.map(({ name }) => name).join() === `${x!.name},${gate!.name}` &&
      sigmoid.inputs[0]!.name === x!.name
    );
  }

  /** The mean of images, or of their squares, with the rule of gradients for both. */
  #meanOfBatch(images: Tensor, shape: Shape): Tensor {
    const square = this.from.producerOf(images);
    const isSquare = square?.op.name === "Mul" && square.inputs[0]!.name === square.inputs[1]!.name;
    const x = isSquare ? square.inputs[0]! : images;
    let means = this.#statistics.get(x.name);
    if (means === undefined) {
      means = statistics(this.#applied(x), { ofBatch: true });
      this.#statistics.set(x.name, means);
    }
    return reshape(means[isSquare ? 1 : 0], shape);
  }

  #convolve(node: Node): HwncImages | undefined {
    const [x, filters, bias] = node.inputs as [Tensor, Tensor, Tensor | undefined];
    if (!this.#gains(x)) return undefined;
    let tensor: Tensor;
    if (is3x3(filters, node)) {
      const constant = this.#constants.convert(filters, transformConstantFilters);
      tensor =
        constant === undefined
          ? trainableWinogradConv(this.#applied(x), this.copyOf(filters))
          : winogradConv(this.#applied(x), constant);
    } else if (filters.shape.slice(2).join() === "1,1" && sizeOfImages(node.outputs[0]!) === sizeOfImages(x)) {
      tensor = matmul(
        this.#applied(x),
        this.#constants.convert(filters, turnFilters) ??
          swapLastTwo(reshape(this.copyOf(filters), filters.shape.slice(0, 2))),
      );
    } else {
      return undefined;
    }
    return { tensor, intercept: bias && reshape(this.copyOf(bias), [1, 1, 1, -1]) };
  }

  #gains(images: Tensor): boolean {
    return images.shape.length === 4 && this.#sizes.has(sizeOfImages(images));
  }

  /** A sum, product, … of images with images or with values for each channel. */
  #combine({ op, inputs, outputs, attributes }: Node): HwncImages | undefined {
    const [a, b] = inputs as [Tensor, Tensor];
    const forms = [a, b].map(({ name }) => this.#places.get(name));
    if (forms.every((form) => form === undefined)) return undefined;
    const [x, y] = forms as [HwncImages | undefined, HwncImages | undefined];
    const keepsShape = a.shape.join() === outputs[0]!.shape.join();
    if (x !== undefined && y === undefined && keepsShape && (op.name === "Mul" || op.name === "Add")) {
      const values = this.#perChannel(b);
      if (values !== undefined) return op.name === "Mul" ? scaled(x, values) : shifted(x, values);
    }
    // Summands of both sides wait on.
    if (op.name === "Add" && x !== undefined && y !== undefined && x.slope === undefined && y.slope === undefined) {
      const parts = [x, y].flatMap(({ intercept }) => intercept ?? []);
      return { tensor: add(x.tensor, y.tensor), intercept: parts.length === 2 ? add(parts[0]!, parts[1]!) : parts[0] };
    }
    const operands = [a, b].map((tensor) =>
      tensor.shape.length === 4 ? (this.#perChannel(tensor) ?? this.#applied(tensor)) : this.#scalar(tensor),
    );
    if (operands.some((operand) => operand === undefined)) return undefined;
    const [left, right] = operands as [Tensor, Tensor];
    const shape = left.shape.map((extent, axis) => Math.max(extent, right.shape[axis]!));
    return { tensor: this.to.append(op, [left, right], attributes, [{ dtype: a.dtype, shape }])[0]! };
  }

  /** A value for each channel, or each channel of each image, as [1, 1, N or 1, C]. */
  #perChannel(tensor: Tensor): Tensor | undefined {
    const { shape } = tensor;
    if (shape.length !== 4) return this.#scalar(tensor);
    if (shape[2] !== 1 || shape[3] !== 1 || this.#places.has(tensor.name)) return undefined;
    return reshape(this.copyOf(tensor), [1, 1, shape[0]!, shape[1]!]);
  }

  #scalar(tensor: Tensor): Tensor | undefined {
    return tensor.shape.length === 0 ? reshape(this.copyOf(tensor), [1, 1, 1, 1]) : undefined;
  }

  /** The images with the places first, factors and summands applied. */
  #applied(old: Tensor): Tensor {
    const places = this.#places.get(old.name);
    if (places === undefined) {
      const tensor = this.#toHwnc(this.copyOf(old));
      this.#places.set(old.name, { tensor });
      return tensor;
    }
    const tensor = applied(places);
    if (tensor !== places.tensor) this.#origins.set(old.name, places);
    this.#places.set(old.name, { tensor });
    return tensor;
  }

  /** In two turns, because onnxruntime does the first together with leaving its own blocked layout. */
  #toHwnc(images: Tensor): Tensor {
    return transpose(transpose(images, [0, 2, 3, 1]), [1, 2, 0, 3]);
  }

  protected override restore(old: Tensor): Tensor | undefined {
    const places = this.#places.get(old.name) ?? this.#groups.get(old.name);
    if (places !== undefined) {
      const imagesFirst = transpose(applied(places), [2, 0, 1, 3]);
      return reshape(transpose(imagesFirst, [0, 3, 1, 2]), old.shape);
    }
    if (this.#swapped.has(old)) return this.#swapped.restore(old);
    // Statistics of a normalization, should anything but a rule of gradients want them.
    const producer = this.from.producerOf(old);
    if (producer?.op.name !== "LayerNormalization") return undefined;
    this.copyNode(producer);
    return this.copyOf(old);
  }
}
