import { gradients } from "../autodiff.ts";
import type { ImageLayout } from "../executor.ts";
import { Graph, type Tensor } from "../graph/graph.ts";
import { type DType, type Shape, sizeOf, tensorData } from "../graph/tensor.ts";
import { concat, split } from "../ops/concat.ts";
import { mul, where } from "../ops/elementwise.ts";
import { gather } from "../ops/gather.ts";
import { loop } from "../ops/loop.ts";
import { reshape } from "../ops/reshape.ts";
import { type ParameterSpec, type Scope, type StateSpec, totalSize } from "../parameters/parameters.ts";
import {
  type InputKind,
  inputName,
  nextName,
  type ParameterTrace,
  type RandomInput,
  traceParameters,
  unflatten,
} from "../parameters/trace-parameters.ts";
import { insertHwnc } from "../rewrite/hwnc.ts";
import { Rewriter } from "../rewrite/rewriter.ts";
import { cutLossScale, initialLossScale, isFiniteVector, lossScaleName, nextLossScale } from "./loss-scale.ts";
import { gradientScaleOf, type Optimizer, updateEma } from "./optimizers.ts";

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

/** A program that trains a network. */
export interface TrainingProgram {
  /** Builds the training graph. Its `Loop` carries everything that changes from step to step. */
  readonly graph: (layout: ImageLayout) => Graph;
  readonly definition: TrainingDefinition;
  readonly parameters: readonly ParameterSpec[];
  readonly states: readonly StateSpec[];
  readonly randoms: readonly RandomInput[];
  /** Names of the vectors that a call takes and returns, and that the next call takes again. */
  readonly carried: readonly string[];
}

function declare(
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

/** What checkpoints call EMAs of the parameters, and of the states. */
type EmaKind = "average" | "averageStates";

/** Names of the carried vectors that hold the EMAs of the parameters, or of the states. */
export function emaNames(kind: EmaKind, numEmas = 1): string[] {
  return Array.from({ length: numEmas }, (_, index) => (index === 0 ? kind : `${kind}${index}`));
}

/** Number of elements of a carried vector. */
function lengthOf(name: string, parameters: readonly ParameterSpec[], states: readonly StateSpec[]): number {
  if (name === lossScaleName) return initialLossScale.length;
  return totalSize(name === "states" || name.startsWith("averageStates") ? states : parameters);
}

/** A constant vector [P] that repeats one value per parameter, or a scalar if all values are equal. */
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

/** Builds a training program. With `scalesLoss`, a step whose gradient is not finite changes only the loss scale. */
export function buildTrainingProgram(definition: TrainingDefinition): TrainingProgram {
  const network = traceParameters((scope, graph) => {
    const residents = declare(graph, definition.residents, "resident");
    const step = declare(graph, definition.step, "step");
    graph.output("loss", definition.loss({ scope, residents, step }));
  });
  const { parameters, states, randoms } = network;
  const slots = Array.from({ length: definition.optimizer.numSlots }, (_, index) => `slot${index}`);
  const emas = (kind: EmaKind) => emaNames(kind, definition.numEmas);
  const stateNames = states.length > 0 ? ["states", ...emas("averageStates")] : [];
  const scaleNames = definition.scalesLoss ? [lossScaleName] : [];
  const carried = ["parameters", ...emas("average"), ...slots, ...stateNames, ...scaleNames];
  return {
    graph: (layout) => trainingGraph(definition, network, { slots, carried }, layout),
    definition,
    parameters,
    states,
    randoms,
    carried,
  };
}

/**
 * Builds the training graph. Its inputs are the carried vectors, the resident arrays, `numSteps`, and the inputs of up to
 * `stepsPerCall` steps. Each step takes the declared inputs, the float scalars `learningRate` and `stepNumber`, and
 * `emaDecay`, [numEmas]. Its outputs are the carried vectors, named `…Next`, and `losses`, [numSteps].
 */
function trainingGraph(
  definition: TrainingDefinition,
  { parameters, states, randoms, graph: network }: ParameterTrace,
  { slots, carried }: { readonly slots: readonly string[]; readonly carried: readonly string[] },
  layout: ImageLayout,
): Graph {
  const { optimizer, stepsPerCall, clipNorm, numEmas = 1, scalesLoss = false } = definition;
  const graph = new Graph();
  const numSteps = graph.input("numSteps", "int64", []);
  const residents = declare(graph, definition.residents);
  const scalar: Declaration = { dtype: "float32", shape: [] };
  const perStep: Record<string, Declaration> = {
    ...definition.step,
    ...Object.fromEntries(randoms.map(({ name, shape }) => [name, { dtype: "float32", shape }])),
    learningRate: scalar,
    emaDecay: { dtype: "float32", shape: [numEmas] },
    stepNumber: scalar,
  };
  const series = Object.entries(perStep).map(([name, { dtype, shape }]) => ({
    name,
    all: graph.input(name, dtype, [stepsPerCall, ...shape]),
  }));
  const initial = carried.map((name) => graph.input(name, "float32", [lengthOf(name, parameters, states)]));
  const learningRateScale = perParameter(graph, parameters, (spec) => spec.learningRateScale);
  const decayMask = perParameter(graph, parameters, (spec) => Number(spec.decay));

  const result = loop(numSteps, stepsPerCall, initial, (body, iteration, current) => {
    const now = Object.fromEntries(carried.map((name, index) => [name, current[index]!]));
    const step = Object.fromEntries(series.map(({ name, all }) => [name, gather(all, iteration)]));
    const values = unflatten(now["parameters"]!, parameters);
    const stateValues = unflatten(now["states"], states);
    const named = (kind: InputKind, tensors: Iterable<readonly [string, Tensor]>) =>
      Array.from(tensors, ([name, tensor]) => [inputName(kind, name), tensor] as const);
    const fed = new Map([
      ...named("parameter", values),
      ...named("state", stateValues),
      ...named("resident", Object.entries(residents)),
      ...named("step", Object.entries(step)),
      ...named(
        "random",
        randoms.map(({ name }) => [name, step[name]!]),
      ),
    ]);
    const found = insertNetwork(network, body, fed, layout);
    const loss = found.get("loss")!;
    const scaling = scalesLoss ? cutLossScale(now[lossScaleName]!) : undefined;
    const parts = gradients(scaling === undefined ? loss : mul(loss, scaling.scale), [...values.values()]);
    const gradient = concat(
      parts.map((part) => reshape(part, [-1])),
      0,
    );
    const updated = optimizer.update({
      specs: parameters,
      parameters: now["parameters"]!,
      gradient,
      gradientScale: gradientScaleOf(gradient, clipNorm, scaling?.scale),
      slots: slots.map((name) => now[name]!),
      learningRate: mul(step["learningRate"]!, learningRateScale),
      decayMask,
      stepNumber: step["stepNumber"]!,
    });
    const decays = split(step["emaDecay"]!, new Array<number>(numEmas).fill(1), 0);
    const emasOf = (kind: EmaKind, value: Tensor) =>
      emaNames(kind, numEmas).map((name, index) => updateEma(now[name]!, value, decays[index]!));
    const next = [updated.parameters, ...emasOf("average", updated.parameters), ...updated.slots];
    if (states.length > 0) {
      const nextStates = concat(
        [...stateValues].map(([name, value]) => reshape(found.get(nextName(name)) ?? value, [-1])),
        0,
      );
      next.push(nextStates, ...emasOf("averageStates", nextStates));
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
  return graph;
}

function insertNetwork(
  network: Graph,
  body: Graph,
  values: ReadonlyMap<string, Tensor>,
  layout: ImageLayout,
): ReadonlyMap<string, Tensor> {
  return layout === "HWNC" ? insertHwnc(network, body, values) : new Rewriter(network, body).insert(values);
}
