import { ModelProto } from "../../engine/onnx/onnx-schema.ts";

/** Types of tensors and attributes, as onnx.proto numbers them. */
export const types = { float: 1, int32: 6, int64: 7 } as const;

export type Dimensions = readonly (number | string)[];

export const port = (name: string, type: number, dims: Dimensions) => ({
  name,
  type: {
    tensor_type: {
      elem_type: type,
      shape: {
        dim: dims.map((extent) => (typeof extent === "number" ? { dim_value: extent } : { dim_param: extent })),
      },
    },
  },
});

export const floats = (name: string, dims: readonly number[], values: Iterable<number>) => ({
  name,
  dims,
  data_type: types.float,
  raw_data: new Uint8Array(Float32Array.from(values).buffer),
});

export const integers = (name: string, dims: readonly number[], values: readonly number[]) => ({
  name,
  dims,
  data_type: types.int64,
  int64_data: values,
});

/** A node, as text: `y = Add(a, b)`. */
export function node(text: string, attribute: readonly object[] = [], domain = ""): object {
  const [, outputs, op, inputs] = /^(.*) = (\w+)\((.*)\)$/.exec(text)!;
  const names = (list: string) => (list === "" ? [] : list.split(",").map((name) => name.trim()));
  return { op_type: op, output: names(outputs!), input: names(inputs!), name: text, attribute, domain };
}

export interface GraphParts {
  readonly node: readonly object[];
  readonly initializer?: readonly object[];
  readonly input: readonly object[];
  readonly output: readonly object[];
}

/** An ONNX file written by hand. */
export function makeOnnx(graph: GraphParts, opset = 20): Uint8Array {
  return ModelProto.encode({
    ir_version: 9,
    opset_import: [{ domain: "", version: opset }],
    graph: { name: "by-hand", ...graph },
  }).finish();
}
