import { Graph, type Node, type Tensor } from "../graph/graph.ts";
import { swapLastTwo } from "../ops/matmul.ts";
import { reshape } from "../ops/reshape.ts";
import { attentionRules } from "./attention-layout.ts";
import { elementwiseRules } from "./hwnc-elementwise.ts";
import { applied } from "./hwnc-images.ts";
import { imageRules } from "./hwnc-rules.ts";
import { type HwncForm, type HwncRules, HwncValues } from "./hwnc-values.ts";
import { toNchw } from "./layout-change.ts";
import type { OpName } from "./op-attributes.ts";
import { Rewriter } from "./rewriter.ts";
import { winogradSizes } from "./winograd-sizes.ts";

const rules: HwncRules = { ...imageRules, ...elementwiseRules };

/** A rule for a node of any operation. */
type Rule = (node: Node, values: HwncValues) => HwncForm | readonly HwncForm[] | undefined;

/**
 * Rewrites a graph so that convolutions of small images with constant filters run in Winograd's form. The operations
 * between them run in the layout that this form needs. Values stay the same up to rounding; `normalizeGroups` says where that
 * grows.
 */
export function rewriteHwnc(graph: Graph): Graph {
  const sizes = winogradSizes(graph, "inference");
  return sizes.size > 0 ? new HwncRewriter(graph, new Graph(), sizes).run() : graph;
}

/**
 * Inserts a graph that is still to be differentiated into another one, rewritten so that its gradients get faster too.
 * Filters need not be constant.
 * @param values - tensors for the inputs of the graph, by name
 * @returns the outputs of the graph, by name
 */
export function insertHwnc(graph: Graph, to: Graph, values: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  return new HwncRewriter(graph, to, winogradSizes(graph, "training")).insert(values);
}

class HwncRewriter extends Rewriter {
  readonly #sizes: ReadonlySet<string>;
  readonly #values: HwncValues;

  constructor(from: Graph, to: Graph, sizes: ReadonlySet<string>, outer?: HwncRewriter) {
    super(from, to, outer);
    this.#sizes = sizes;
    this.#values = new HwncValues(from, to, sizes, {
      copyOf: (old) => this.copyOf(old),
      copyNode: (node) => this.copyNode(node),
    });
  }

  protected override bodyRewriter(body: Graph, to: Graph): HwncRewriter {
    return new HwncRewriter(body, to, this.#sizes, this);
  }

  protected override rewrite(node: Node): boolean {
    const forms = this.#ruleOf(node)?.(node, this.#values);
    if (forms === undefined) return false;
    [forms].flat().forEach((form, index) => {
      const old = node.outputs[index]!;
      if ("plain" in form) this.note(old, form.plain);
      else this.#values.keep(old, form);
    });
    return true;
  }

  #ruleOf({ op, inputs }: Node): Rule | undefined {
    const [first] = inputs;
    const isHeads = first !== undefined && this.#values.headsOf(first) !== undefined;
    // The compiler cannot see that a node has the attributes of its name.
    return (isHeads && op.name !== "Conv" ? attentionRules : rules)[op.name as OpName] as Rule | undefined;
  }

  protected override restore(old: Tensor): Tensor | undefined {
    const images = this.#values.imagesOf(old) ?? this.#values.groupsOf(old);
    if (images !== undefined) return reshape(toNchw(applied(images)), old.shape);
    const heads = this.#values.headsOf(old);
    if (heads !== undefined) return swapLastTwo(heads);
    // Anything but a gradient rule may still use the statistics of a normalization that was rewritten.
    const producer = this.from.producerOf(old);
    if (producer?.op.name !== "LayerNormalization") return undefined;
    this.copyNode(producer);
    return this.copyOf(old);
  }
}
