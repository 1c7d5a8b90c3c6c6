import { Cifar5mError } from "../../core/errors.ts";
import { fillNormals, type RandomStream, randomStreams } from "../../core/random.ts";
import type { Tensor } from "../graph/graph.ts";
import { type Shape, sizeOf } from "../graph/tensor.ts";

/** How a parameter is initialized. Random parameters are scaled normal numbers. */
export type Initializer =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly std: number };

export const zerosInitializer: Initializer = { kind: "constant", value: 0 };
export const onesInitializer: Initializer = { kind: "constant", value: 1 };

/** Normal numbers of variance gain / fanIn: He et al. 2015 for gain 2, LeCun for gain 1. */
export function fanInInitializer(fanIn: number, gain = 1): Initializer {
  return { kind: "normal", std: Math.sqrt(gain / fanIn) };
}

export interface ParameterSpec {
  /** Path with dots, unique in a network. */
  readonly name: string;
  readonly shape: Shape;
  readonly initializer: Initializer;
  /** Whether weight decay applies. It does not apply to biases and scales. */
  readonly decay: boolean;
  /** Factor on the learning rate; 0 freezes the parameter. */
  readonly learningRateScale: number;
}

export interface StateSpec {
  readonly name: string;
  readonly shape: Shape;
  /** The initial value of every element. */
  readonly value: number;
}

export type RandomKind = "normal" | "uniform";

/** Supplies the tensors of a network while its graph is built: as inputs, constants or parts of a vector. */
export interface ParameterSource {
  readonly training: boolean;
  parameter(spec: ParameterSpec): Tensor;
  state(spec: StateSpec): Tensor;
  /** Sets the value of a state after this step; in training only. */
  setState(name: string, value: Tensor): void;
  /** Random numbers, new at every step; in training only. */
  random(kind: RandomKind, stream: RandomStream, shape: Shape): Tensor;
}

/** A part of a network. It prefixes the names of its parameters and states with its path. */
export class Scope {
  readonly #source: ParameterSource;
  readonly #path: string;

  constructor(source: ParameterSource, path = "") {
    this.#source = source;
    this.#path = path;
  }

  /** Whether the network is being trained, so that dropout and batch statistics apply. */
  get training(): boolean {
    return this.#source.training;
  }

  child(name: string): Scope {
    return new Scope(this.#source, this.#pathOf(name));
  }

  parameter(
    name: string,
    shape: Shape,
    initializer: Initializer,
    { decay = shape.length > 1, learningRateScale = 1 } = {},
  ): Tensor {
    return this.#source.parameter({ name: this.#pathOf(name), shape, initializer, decay, learningRateScale });
  }

  /** A value that training updates by a rule instead of a gradient, such as running statistics. */
  state(name: string, shape: Shape, value: number): Tensor {
    return this.#source.state({ name: this.#pathOf(name), shape, value });
  }

  setState(name: string, value: Tensor): void {
    this.#source.setState(this.#pathOf(name), value);
  }

  random(kind: RandomKind, stream: RandomStream, shape: Shape): Tensor {
    return this.#source.random(kind, stream, shape);
  }

  #pathOf(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }
}

/** The total number of elements of several parameters or states. */
export function totalSize(specs: readonly { readonly shape: Shape }[]): number {
  return specs.reduce((total, { shape }) => total + sizeOf(shape), 0);
}

/** The initial values of all parameters, one after the other. They are a pure function of the seed and the specs. */
export function initialParameters(specs: readonly ParameterSpec[], seed: number): Float32Array {
  const values = new Float32Array(totalSize(specs));
  let offset = 0;
  specs.forEach(({ shape, initializer }, index) => {
    const part = values.subarray(offset, offset + sizeOf(shape));
    initialize(part, initializer, seed, index);
    offset += part.length;
  });
  return values;
}

function initialize(part: Float32Array, initializer: Initializer, seed: number, index: number): void {
  if (initializer.kind === "constant") {
    part.fill(initializer.value);
    return;
  }
  fillNormals({ seed, stream: randomStreams.weights, id: index }, part);
  for (let i = 0; i < part.length; i++) part[i]! *= initializer.std;
}

/** Splits a vector that holds all parameters or states into their values by name. */
export function unflattenParameters(
  specs: readonly { readonly name: string; readonly shape: Shape }[],
  values: Float32Array,
): Map<string, { readonly shape: Shape; readonly data: Float32Array }> {
  if (values.length !== totalSize(specs)) {
    throw new Cifar5mError(
      "engine/wrong-size",
      `the network has ${totalSize(specs)} parameters, got ${values.length}. Use weights of the same architecture.`,
    );
  }
  let offset = 0;
  return new Map(
    specs.map(({ name, shape }) => {
      const data = values.subarray(offset, offset + sizeOf(shape));
      offset += data.length;
      return [name, { shape, data }];
    }),
  );
}
