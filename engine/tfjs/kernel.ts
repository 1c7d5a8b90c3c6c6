import type { Attributes, Node } from "../graph/graph.ts";
import type { Tensor, TensorFlow } from "./load-tensorflow.ts";

/** Computes the outputs of a node. The caller frees all other tensors that the kernel allocates. */
export type Kernel = (tf: TensorFlow, inputs: readonly Tensor[], node: Node) => readonly Tensor[];

export type Kernels = Readonly<Record<string, Kernel>>;

/** A kernel with one output. */
export function single(compute: (tf: TensorFlow, inputs: readonly Tensor[], node: Node) => Tensor): Kernel {
  return (tf, inputs, node) => [compute(tf, inputs, node)];
}

/** The value of an attribute that is a list of integers. */
export function integersOf(attributes: Attributes, name: string): number[] {
  return [...(attributes[name] as readonly number[])];
}

/** The shape of a node's first output. */
export function outputShape({ outputs }: Node): number[] {
  return [...outputs[0]!.shape];
}
