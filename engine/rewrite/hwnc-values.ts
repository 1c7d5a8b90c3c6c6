import type { Graph, Node, Tensor } from "../graph/graph.ts";
import { reshape } from "../ops/reshape.ts";
import { ConstantFilters } from "./constant-filters.ts";
import { applied, type HwncImages, statistics } from "./hwnc-images.ts";
import { toHwnc } from "./layout-change.ts";
import type { NodeOf, OpName } from "./op-attributes.ts";
import { sizeOfImages } from "./winograd-sizes.ts";

/** How the rewritten graph holds a value of the old graph. */
export type HwncForm =
  /** Images [N, C, H, W] as [H, W, N, C]. */
  | { readonly images: HwncImages }
  /** Images whose channels are reshaped into groups, [N, G, C/G·H·W], as the same [H, W, N, C]. */
  | { readonly groups: HwncImages }
  /** Matrices of attention, [N, heads, width, H·W], with their last two axes exchanged. */
  | { readonly heads: Tensor }
  /** The value as it was. */
  | { readonly plain: Tensor };

/** Rewrites a node: returns a form for each output, or undefined if the node should be copied. */
export type HwncRule<Name extends OpName> = (
  node: NodeOf<Name>,
  values: HwncValues,
) => HwncForm | readonly HwncForm[] | undefined;

/** Rules by the name of the operation. */
export type HwncRules = { readonly [Name in OpName]?: HwncRule<Name> };

/** What the rewriter does for the rules. */
interface Copier {
  /** The value of the new graph for one of the old graph, with the same layout. */
  readonly copyOf: (old: Tensor) => Tensor;
  /** Copies a node and returns its first output. */
  readonly copyNode: (node: Node) => Tensor;
}

/** The values of a graph that is being rewritten to the HWNC layout. */
export class HwncValues implements Copier {
  readonly from: Graph;
  readonly to: Graph;
  readonly copyOf: Copier["copyOf"];
  readonly copyNode: Copier["copyNode"];
  readonly constants: ConstantFilters;
  readonly #sizes: ReadonlySet<string>;
  readonly #images = new Map<string, HwncImages>();
  readonly #groups = new Map<string, HwncImages>();
  readonly #heads = new Map<string, Tensor>();
  /** The images before their factors and summands were applied. */
  readonly #origins = new Map<string, HwncImages>();
  /** Means of the images of a batch and of their squares, [1, 1, 1, C] each. */
  readonly #batchMeans = new Map<string, readonly [Tensor, Tensor]>();

  /** @param sizes - sizes of images that gain from the HWNC layout, as `sizeOfImages` names them */
  constructor(from: Graph, to: Graph, sizes: ReadonlySet<string>, { copyOf, copyNode }: Copier) {
    this.from = from;
    this.to = to;
    this.copyOf = copyOf;
    this.copyNode = copyNode;
    this.constants = new ConstantFilters(from, to);
    this.#sizes = sizes;
  }

  /** Records the form of a value. */
  keep({ name }: Tensor, form: Exclude<HwncForm, { plain: Tensor }>): void {
    if ("images" in form) this.#images.set(name, form.images);
    else if ("groups" in form) this.#groups.set(name, form.groups);
    else this.#heads.set(name, form.heads);
  }

  imagesOf({ name }: Tensor): HwncImages | undefined {
    return this.#images.get(name);
  }

  groupsOf({ name }: Tensor): HwncImages | undefined {
    return this.#groups.get(name);
  }

  headsOf({ name }: Tensor): Tensor | undefined {
    return this.#heads.get(name);
  }

  originOf({ name }: Tensor): HwncImages | undefined {
    return this.#origins.get(name);
  }

  /** Whether images of this size gain from the HWNC layout. */
  gains(images: Tensor): boolean {
    return images.shape.length === 4 && this.#sizes.has(sizeOfImages(images));
  }

  /** Images [H, W, N, C] with their factors and summands applied. */
  applied(old: Tensor): Tensor {
    const images = this.#images.get(old.name);
    if (images === undefined) {
      const tensor = toHwnc(this.copyOf(old));
      this.#images.set(old.name, { tensor });
      return tensor;
    }
    const tensor = applied(images);
    if (tensor !== images.tensor) this.#origins.set(old.name, images);
    this.#images.set(old.name, { tensor });
    return tensor;
  }

  /** Means of the images of a batch and of their squares. Both share one gradient rule. */
  batchMeans(old: Tensor): readonly [Tensor, Tensor] {
    let means = this.#batchMeans.get(old.name);
    if (means === undefined) {
      means = statistics(this.applied(old), { ofBatch: true });
      this.#batchMeans.set(old.name, means);
    }
    return means;
  }

  /** A scalar, or values [N or 1, C, 1, 1] of each channel, as [1, 1, N or 1, C]; undefined for any other shape. */
  perChannel(old: Tensor): Tensor | undefined {
    const { shape } = old;
    if (shape.length !== 4) return this.scalar(old);
    if (shape[2] !== 1 || shape[3] !== 1 || this.#images.has(old.name)) return undefined;
    return reshape(this.copyOf(old), [1, 1, shape[0]!, shape[1]!]);
  }

  /** A scalar as [1, 1, 1, 1]; undefined for any other shape. */
  scalar(old: Tensor): Tensor | undefined {
    return old.shape.length === 0 ? reshape(this.copyOf(old), [1, 1, 1, 1]) : undefined;
  }
}
