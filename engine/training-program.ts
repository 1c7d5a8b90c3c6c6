import { gradients } from "./autodiff.ts";
import { Graph, type Tensor } from "./graph.ts";
import { cutLossScale, initialLossScale, isFiniteVector, lossScaleName, nextLossScale } from "./loss-scale.ts";
import { mul, where } from "./ops/elementwise.ts";
import { gather } from "./ops/gather.ts";
import { loop } from "./ops/loop.ts";
import { concat, reshape } from "./ops/shape.ts";
import { gradientScaleOf, movingAverage, type Optimizer } from "./optimizers.ts";
import { cutVector, type RandomInput, StepSource, surveyNetwork } from "./parameter-sources.ts";
import { type ParameterSpec, Scope, type StateSpec, totalSize } from "./parameters.ts";
import { type DType, type Shape, sizeOf, tensorData } from "./tensor.ts";

/** Type and shape of one value of a step, or of a resident array. */
export interface Declaration {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** What a loss is made from. */
export interface LossInputs {
  readonly scope: Scope;
  /** Whole arrays that stay in place for the run, such as all training images. */
  readonly residents: Readonly<Record<string, Tensor>>;
  /** Values of this step. */
  readonly step: Readonly<Record<string, Tensor>>;
}

export interface TrainingDefinition {
  /** The loss of one step, a scalar; called twice, to find the parameters and to build the graph. */
  readonly loss: (inputs: LossInputs) => Tensor;
  readonly residents: Readonly<Record<string, Declaration>>;
  /** Shapes of one step's values; they are fed for all steps of a call at once, along a new first axis. */
  readonly step: Readonly<Record<string, Declaration>>;
  readonly optimizer: Optimizer;
  /** Steps that one call runs at most. */
  readonly stepsPerCall: number;
  /** Largest Euclidean norm of the gradient; unlimited by default. */
  readonly clipNorm?: number;
  /** Whether gradients are taken of a multiple of the loss, for engines of `mixed` precision; not by default. */
  readonly scalesLoss?: boolean;
}

/** A graph that trains: its one `Loop` carries all that changes from step to step. */
export interface TrainingProgram {
  readonly graph: Graph;
  readonly definition: TrainingDefinition;
  readonly parameters: readonly ParameterSpec[];
  readonly states: readonly StateSpec[];
  readonly randoms: readonly RandomInput[];
  /** Names of the vectors that are fed, come back and are fed again. */
  readonly carried: readonly string[];
}

function declare(graph: Graph, declarations: Readonly<Record<string, Declaration>>): Record<string, Tensor> {
  const entries = Object.entries(declarations);
  return Object.fromEntries(entries.map(([name, { dtype, shape }]) => [name, graph.input(name, dtype, shape)]));
}

/** Number of elements of a carried vector. */
function lengthOf(name: string, parameters: readonly ParameterSpec[], states: readonly StateSpec[]): number {
  if (name === lossScaleName) return initialLossScale.length;
  return totalSize(name === "states" || name === "averageStates" ? states : parameters);
}

/** A constant vector [P] with one value for each parameter, or a scalar where all are equal. */
function perParameter(graph: Graph, specs: readonly ParameterSpec[], value: (spec: ParameterSpec) => number): Tensor {
  const first = value(specs[0]!);
  if (specs.every((spec) => value(spec) === first)) return graph.constant(tensorData("float32", [], [first]));
  const values = new Float32Array(totalSize(specs));
  let offset = 0;
  for (const spec of specs) {
    const end = offset + sizeOf(spec.shape);
    values.fill(value(spec), offset, end);
    offset = end;
  }
  return graph.constant({ dtype: "float32", shape: [values.length], data: values });
}

/**
 * Builds the graph that trains a network: its inputs are the carried vectors, the resident arrays, the values of up
 * to `stepsPerCall` steps and `numSteps`; its outputs the carried vectors and `losses`, shape [numSteps]. With
 * `scalesLoss`, a step whose gradient is not finite changes the scale only.
 * Besides the definition's own, each step takes `learningRate`, `averageDecay` and `stepNumber`, float scalars.
 */
export function buildTrainingProgram(definition: TrainingDefinition): TrainingProgram {
  const { parameters, states, randoms } = surveyNetwork((scope, graph) =>
    definition.loss({ scope, residents: declare(graph, definition.residents), step: declare(graph, definition.step) }),
  );
  const { optimizer, stepsPerCall, clipNorm, scalesLoss = false } = definition;
  const graph = new Graph();
  const numSteps = graph.input("numSteps", "int64", []);
  const residents = declare(graph, definition.residents);
  const scalar: Declaration = { dtype: "float32", shape: [] };
  const perStep: Record<string, Declaration> = {
    ...definition.step,
    ...Object.fromEntries(randoms.map(({ name, shape }) => [name, { dtype: "float32", shape }])),
    learningRate: scalar,
    averageDecay: scalar,
    stepNumber: scalar,
  };
  const series = Object.entries(perStep).map(([name, { dtype, shape }]) => ({
    name,
    all: graph.input(name, dtype, [stepsPerCall, ...shape]),
  }));
  const slotNames = Array.from({ length: optimizer.numSlots }, (_, index) => `slot${index}`);
  const stateNames = states.length > 0 ? ["states", "averageStates"] : [];
  const carried = ["parameters", "average", ...slotNames, ...stateNames, ...(scalesLoss ? [lossScaleName] : [])];
  const initial = carried.map((name) => graph.input(name, "float32", [lengthOf(name, parameters, states)]));
  const learningRateScale = perParameter(graph, parameters, (spec) => spec.learningRateScale);
  const decayMask = perParameter(graph, parameters, (spec) => Number(spec.decay));

  const result = loop(numSteps, stepsPerCall, initial, (_body, iteration, current) => {
    const now = Object.fromEntries(carried.map((name, index) => [name, current[index]!]));
    const step = Object.fromEntries(series.map(({ name, all }) => [name, gather(all, iteration)]));
    const source = new StepSource(cutVector(now["parameters"]!, parameters), states, now["states"], step);
    const loss = definition.loss({ scope: new Scope(source), residents, step });
    const scaling = scalesLoss ? cutLossScale(now[lossScaleName]!) : undefined;
    const parts = gradients(
      scaling === undefined ? loss : mul(loss, scaling.scale),
      parameters.map(({ name }) => source.values.get(name)!),
    );
    const gradient = concat(
      parts.map((part) => reshape(part, [-1])),
      0,
    );
    const updated = optimizer.update({
      parameters: now["parameters"]!,
      gradient,
      gradientScale: gradientScaleOf(gradient, clipNorm, scaling?.scale),
      slots: slotNames.map((name) => now[name]!),
      learningRate: mul(step["learningRate"]!, learningRateScale),
      decayMask,
      stepNumber: step["stepNumber"]!,
    });
    const average = movingAverage(now["average"]!, updated.parameters, step["averageDecay"]!);
    const next = [updated.parameters, average, ...updated.slots];
    if (states.length > 0) {
      const nextStates = source.nextStates();
      next.push(nextStates, movingAverage(now["averageStates"]!, nextStates, step["averageDecay"]!));
    }
    if (scaling !== undefined) {
      const isUsable = isFiniteVector(gradient);
      next.forEach((value, index) => {
        next[index] = where(isUsable, value, current[index]!);
      });
      next.push(nextLossScale(scaling, isUsable));
    }
    return { carried: next, collected: [loss] };
  });
  carried.forEach((name, index) => {
    graph.output(`${name}Next`, result.carried[index]!);
  });
  graph.output("losses", result.collected[0]!);
  return { graph, definition, parameters, states, randoms, carried };
}
