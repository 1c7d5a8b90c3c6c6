import type { Node } from "../graph/graph.ts";

type None = unknown;
interface Pool {
  readonly kernel_shape: readonly number[];
}

/** The attributes of each operation that rewrite rules look at. */
export interface OpAttributes {
  readonly Abs: None;
  readonly Add: None;
  readonly AveragePool: Pool;
  readonly BatchNormalization: None;
  readonly Concat: { readonly axis: number };
  readonly Conv: { readonly strides: readonly number[]; readonly pads: readonly number[] };
  readonly Div: None;
  readonly Erf: None;
  readonly Exp: None;
  readonly Identity: None;
  readonly LayerNormalization: { readonly epsilon: number };
  readonly MatMul: None;
  readonly MaxPool: Pool;
  readonly Mul: None;
  readonly Neg: None;
  readonly ReduceMean: { readonly axes: readonly number[] };
  readonly Relu: None;
  readonly Reshape: None;
  readonly Resize: { readonly size: number };
  readonly Sigmoid: None;
  readonly Split: { readonly axis: number; readonly sizes: readonly number[] };
  readonly Sqrt: None;
  readonly Sub: None;
  readonly Tanh: None;
  readonly Transpose: { readonly perm: readonly number[] };
}

export type OpName = keyof OpAttributes;

/** A node of the operation `Name`, with typed attributes. */
export type NodeOf<Name extends OpName> = Node & { readonly attributes: OpAttributes[Name] };
