import type { Graph, Tensor } from "../graph/graph.ts";
import type { DType, Shape } from "../graph/tensor.ts";
import type { Scope } from "../parameters/parameters.ts";
import { type InputKind, inputName } from "../parameters/trace-parameters.ts";
import type { Optimizer } from "./optimizers.ts";

/** Type and shape of a step input or of a resident array. */
export interface Declaration {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** What a loss is computed from. */
export interface LossInputs {
  readonly scope: Scope;
  /** Arrays that do not change during the training, such as all training images. */
  readonly residents: Readonly<Record<string, Tensor>>;
  /** The inputs of this step. */
  readonly step: Readonly<Record<string, Tensor>>;
}

export interface TrainingDefinition {
  /** The loss of one step, a scalar. */
  readonly loss: (inputs: LossInputs) => Tensor;
  readonly residents: Readonly<Record<string, Declaration>>;
  /** The inputs of one step. The values of all steps of a call are fed together, along a new first axis. */
  readonly step: Readonly<Record<string, Declaration>>;
  readonly optimizer: Optimizer;
  /** Maximum number of steps per call. */
  readonly stepsPerCall: number;
  /** How many EMAs of the weights are kept, each with a different decay; 1 by default. */
  readonly numEmas?: number;
  /** Limit on the Euclidean norm of the gradient; unlimited by default. */
  readonly clipNorm?: number;
  /** Whether to use loss scaling, for engines of `mixed` precision; false by default. */
  readonly scalesLoss?: boolean;
}

/** Declares inputs of a graph. */
export function declareInputs(
  graph: Graph,
  declarations: Readonly<Record<string, Declaration>>,
  kind?: InputKind,
): Record<string, Tensor> {
  const entries = Object.entries(declarations).map(([name, { dtype, shape }]) => [
    name,
    graph.input(kind === undefined ? name : inputName(kind, name), dtype, shape),
  ]);
  return Object.fromEntries(entries);
}
