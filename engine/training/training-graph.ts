import { gradients } from "../autodiff.ts";
import { allFinite } from "../composites/all-finite.ts";
import type { ImageLayout } from "../executor.ts";
import { Graph, type Tensor } from "../graph/graph.ts";
import { sizeOf, tensorData } from "../graph/tensor.ts";
import { concat, split } from "../ops/concat.ts";
import { mul, sub, where } from "../ops/elementwise.ts";
import { gather } from "../ops/gather.ts";
import { loop } from "../ops/loop.ts";
import { reshape } from "../ops/reshape.ts";
import { type ParameterSpec, totalSize } from "../parameters/parameters.ts";
import { type InputKind, inputName, nextName, type ParameterTrace, unflatten } from "../parameters/trace-parameters.ts";
import { insertHwnc } from "../rewrite/hwnc.ts";
import { Rewriter } from "../rewrite/rewriter.ts";
import { type EmaKind, emaNames, lengthOf } from "./carried-vectors.ts";
import { cutLossScale, lossScaleName, nextLossScale } from "./loss-scale.ts";
import { gradientScaleOf, updateEma } from "./optimizers.ts";
import { type Declaration, declareInputs, type TrainingDefinition } from "./training-definition.ts";

/**
 * Builds the training graph. Its inputs are the carried vectors, the resident arrays, `numSteps`, and the inputs of up to
 * `stepsPerCall` steps. Each step takes the declared inputs, the float scalars `learningRate` and `stepNumber`, and
 * `emaDecay`, [numEmas], if there are EMAs. Its outputs are the carried vectors, named `…Next`, and `losses`, [numSteps].
 */
export function trainingGraph(
  definition: TrainingDefinition,
  { parameters, states, randoms, graph: network }: ParameterTrace,
  { slots, carried }: { readonly slots: readonly string[]; readonly carried: readonly string[] },
  { layout, roundsProducts }: { readonly layout: ImageLayout; readonly roundsProducts: boolean },
): Graph {
  const { optimizer, stepsPerCall, clipNorm, numEmas = 1, scalesLoss = false } = definition;
  const graph = new Graph();
  const numSteps = graph.input("numSteps", "int64", []);
  const residents = declareInputs(graph, definition.residents);
  const scalar: Declaration = { dtype: "float32", shape: [] };
  const perStep: Record<string, Declaration> = {
    ...definition.step,
    ...Object.fromEntries(randoms.map(({ name, shape }) => [name, { dtype: "float32", shape }])),
    learningRate: scalar,
    ...(numEmas === 0 ? {} : { emaDecay: { dtype: "float32", shape: [numEmas] } as const }),
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
      stepNumber: scaling === undefined ? step["stepNumber"]! : sub(step["stepNumber"]!, scaling.numSkipped),
      roundsProducts,
    });
    const decays = numEmas === 0 ? [] : split(step["emaDecay"]!, new Array<number>(numEmas).fill(1), 0);
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
      const isUsable = allFinite(gradient);
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
