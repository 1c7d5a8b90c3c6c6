import { Cifar5mError } from "../../core/errors.ts";
import type { RandomStream } from "../../core/random.ts";
import { Graph, type Tensor } from "../graph/graph.ts";
import { type Shape, sizeOf } from "../graph/tensor.ts";
import { split } from "../ops/concat.ts";
import { reshape } from "../ops/reshape.ts";
import { type ParameterSource, type ParameterSpec, type RandomKind, Scope, type StateSpec } from "./parameters.ts";

/** Random numbers that a step uses, in the order it asked for them. */
export interface RandomInput {
  readonly name: string;
  readonly kind: RandomKind;
  readonly stream: RandomStream;
  readonly shape: Shape;
}

/** What an input of a network's graph is. */
export type InputKind = "parameter" | "state" | "random" | "resident" | "step";

/** Names of inputs: those of different kinds may be called the same. */
export function inputName(kind: InputKind, name: string): string {
  return `${kind} ${name}`;
}

/** The output of a network's graph that is a state's next value. */
export function nextName(state: string): string {
  return `next ${state}`;
}

/** Notes what a network asks for, in order; it becomes a graph whose inputs are these things. */
export class ParameterTrace implements ParameterSource {
  readonly training = true;
  readonly parameters: ParameterSpec[] = [];
  readonly states: StateSpec[] = [];
  readonly randoms: RandomInput[] = [];
  readonly graph = new Graph();

  parameter(spec: ParameterSpec): Tensor {
    if ([...this.parameters, ...this.states].some(({ name }) => name === spec.name)) {
      throw new Cifar5mError("engine/name-taken", `the network has a parameter "${spec.name}" already. Rename one.`);
    }
    this.parameters.push(spec);
    return this.graph.input(inputName("parameter", spec.name), "float32", spec.shape);
  }

  state(spec: StateSpec): Tensor {
    this.states.push(spec);
    return this.graph.input(inputName("state", spec.name), "float32", spec.shape);
  }

  setState(name: string, value: Tensor): void {
    // A network that is used twice sets it twice; the last time counts.
    this.graph.outputs.set(nextName(name), value);
  }

  random(kind: RandomKind, stream: RandomStream, shape: Shape): Tensor {
    const name = `random${this.randoms.length}`;
    this.randoms.push({ name, kind, stream, shape });
    return this.graph.input(inputName("random", name), "float32", shape);
  }
}

/** Parameters and states that a network has, in the order it asks for them. */
export function traceParameters(build: (scope: Scope, graph: Graph) => unknown): ParameterTrace {
  const survey = new ParameterTrace();
  build(new Scope(survey), survey.graph);
  return survey;
}

/** Tensors of given shapes, cut from a vector, which is missing where there are none. */
export function unflatten(
  vector: Tensor | undefined,
  specs: readonly { readonly name: string; readonly shape: Shape }[],
): Map<string, Tensor> {
  if (vector === undefined) return new Map();
  const parts = split(
    vector,
    specs.map(({ shape }) => sizeOf(shape)),
    0,
  );
  return new Map(specs.map(({ name, shape }, index) => [name, reshape(parts[index]!, shape)]));
}
