import { Cifar5mError } from "../../core/errors.ts";
import type { RandomStream } from "../../core/random.ts";
import { Graph, type Tensor } from "../graph/graph.ts";
import { type Shape, sizeOf } from "../graph/tensor.ts";
import { split } from "../ops/concat.ts";
import { reshape } from "../ops/reshape.ts";
import { type ParameterSource, type ParameterSpec, type RandomKind, Scope, type StateSpec } from "./parameters.ts";

/** An array of random numbers that a step uses. */
export interface RandomInput {
  readonly name: string;
  readonly kind: RandomKind;
  readonly stream: RandomStream;
  readonly shape: Shape;
}

/** The kinds of inputs of a network's graph. */
export type InputKind = "parameter" | "state" | "random" | "resident" | "step";

/** The name of an input. It includes the kind, so inputs of different kinds may share a name. */
export function inputName(kind: InputKind, name: string): string {
  return `${kind} ${name}`;
}

/** The name of the output that holds the next value of a state. */
export function nextName(state: string): string {
  return `next ${state}`;
}

/** Records the parameters, states and random numbers of a network in order. They become the inputs of its graph. */
export class ParameterTrace implements ParameterSource {
  readonly training = true;
  readonly parameters: ParameterSpec[] = [];
  readonly states: StateSpec[] = [];
  readonly randoms: RandomInput[] = [];
  readonly graph = new Graph();

  parameter(spec: ParameterSpec): Tensor {
    this.#refuseTaken(spec.name);
    this.parameters.push(spec);
    return this.graph.input(inputName("parameter", spec.name), "float32", spec.shape);
  }

  state(spec: StateSpec): Tensor {
    this.#refuseTaken(spec.name);
    this.states.push(spec);
    return this.graph.input(inputName("state", spec.name), "float32", spec.shape);
  }

  /** Weights are stored by name alone, so no state may be called like a parameter. */
  #refuseTaken(name: string): void {
    if (![...this.parameters, ...this.states].some((spec) => spec.name === name)) return;
    throw new Cifar5mError("engine/name-taken", `the network has a parameter or state "${name}" already. Rename one.`);
  }

  setState(name: string, value: Tensor): void {
    this.graph.output(nextName(name), value);
  }

  random(kind: RandomKind, stream: RandomStream, shape: Shape): Tensor {
    const name = `random${this.randoms.length}`;
    this.randoms.push({ name, kind, stream, shape });
    return this.graph.input(inputName("random", name), "float32", shape);
  }
}

/** Builds a network once to find its parameters and states, in the order in which it uses them. */
export function traceParameters(build: (scope: Scope, graph: Graph) => unknown): ParameterTrace {
  const trace = new ParameterTrace();
  build(new Scope(trace), trace.graph);
  return trace;
}

/** Splits a vector into tensors by name. The vector is undefined if there are no tensors. */
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
