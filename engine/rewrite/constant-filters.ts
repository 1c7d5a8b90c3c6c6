import type { Graph, Tensor } from "../graph/graph.ts";
import type { TensorData } from "../graph/tensor.ts";

/** Converts constant filters into another form. Convolutions that share filters share the converted ones too. */
export class ConstantFilters {
  readonly #from: Graph;
  readonly #to: Graph;
  readonly #converted = new Map<string, Tensor>();

  constructor(from: Graph, to: Graph) {
    this.#from = from;
    this.#to = to;
  }

  /** @returns the converted filters, or undefined if the filters are not a constant of the old graph */
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

/** Transposes 1×1 filters, [O, I, 1, 1], into a matrix [I, O]. */
export function transposeFilters({ shape, data }: TensorData): TensorData {
  const [numOutputs, numInputs] = shape as [number, number];
  const transposed = new Float32Array(data.length);
  for (let output = 0; output < numOutputs; output++) {
    for (let input = 0; input < numInputs; input++) {
      transposed[input * numOutputs + output] = data[output * numInputs + input] as number;
    }
  }
  return { dtype: "float32", shape: [numInputs, numOutputs], data: transposed };
}
