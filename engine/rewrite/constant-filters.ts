import type { Graph, Tensor } from "../graph/graph.ts";
import type { TensorData } from "../graph/tensor.ts";

/** Filters that do not change, in another form: each once, for all convolutions that share them. */
export class ConstantFilters {
  readonly #from: Graph;
  readonly #to: Graph;
  readonly #converted = new Map<string, Tensor>();

  constructor(from: Graph, to: Graph) {
    this.#from = from;
    this.#to = to;
  }

  /** @returns undefined for filters that are no constant of the old graph */
  convert({ name }: Tensor, form: (filters: TensorData) => TensorData): Tensor | undefined {
    const constant = this.#from.constants.get(name);
    let converted = this.#converted.get(name);
    if (constant !== undefined && converted === undefined) {
      converted = this.#to.constant(form(constant));
      this.#converted.set(name, converted);
    }
    return converted;
  }
}

/** Filters of one pixel, [O, I, 1, 1], as a matrix [I, O]. */
export function turnFilters({ shape, data }: TensorData): TensorData {
  const [numOutputs, numInputs] = shape as [number, number];
  const turned = new Float32Array(data.length);
  for (let output = 0; output < numOutputs; output++) {
    for (let input = 0; input < numInputs; input++) {
      turned[input * numOutputs + output] = data[output * numInputs + input] as number;
    }
  }
  return { dtype: "float32", shape: [numInputs, numOutputs], data: turned };
}
