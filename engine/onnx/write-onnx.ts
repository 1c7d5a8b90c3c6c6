import { Cifar5mError } from "../../core/errors.ts";
import { type Attribute, Graph, type Node, type Tensor } from "../graph/graph.ts";
import { neededNodes } from "../graph/needed-nodes.ts";
import type { TensorData } from "../graph/tensor.ts";
import { ModelProto } from "./onnx-schema.ts";
import { onnxTypes } from "./onnx-types.ts";

/** The number of each attribute type in onnx.proto. */
const attributeTypes = { float: 1, integer: 2, string: 3, graph: 5, floats: 6, integers: 7 };

/** The version of ONNX operators in written graphs, unless a spliced model needs another. */
const defaultOpset = 21;

/** Protobuf messages must be smaller than 2 GiB. */
const maxModelBytes = 2 ** 31 - 1;

/**
 * Serializes a graph as an ONNX model. Nodes and constants that no output needs are left out.
 * @param metadata - free text stored with the model
 * @throws Cifar5mError `engine/model-too-large` at 2 GiB, the limit of protobuf
 */
export function writeOnnx(graph: Graph, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  // Before they are copied.
  requireModelBytes(constantBytesOf(graph));
  const bytes = ModelProto.encode({
    ir_version: 10,
    producer_name: "cifar5m",
    graph: encodeGraph(graph, "main"),
    opset_import: [{ domain: "", version: opsetOf(graph) ?? defaultOpset }],
    metadata_props: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  }).finish();
  requireModelBytes(bytes.length);
  return bytes;
}

function requireModelBytes(bytes: number): void {
  if (bytes <= maxModelBytes) return;
  throw new Cifar5mError(
    "engine/model-too-large",
    `a model must stay below 2 GiB, got ${bytes} bytes. Feed the largest constants as inputs.`,
  );
}

/** Bytes of the constants that the file will hold, those of bodies too. */
function constantBytesOf(graph: Graph): number {
  const { nodes, names } = neededNodes(graph);
  const bodies = nodes.flatMap(({ attributes }) => Object.values(attributes).filter((value) => value instanceof Graph));
  const own = [...graph.constants].filter(([name]) => names.has(name)).map(([, { data }]) => data.byteLength);
  return [...own, ...bodies.map(constantBytesOf)].reduce((sum, bytes) => sum + bytes, 0);
}

/** The version of the operators that the spliced models in a graph need. A file has only one version. */
function opsetOf(graph: Graph): number | undefined {
  const inner = neededNodes(graph).nodes.flatMap(({ op, attributes }) => [
    op.opset,
    ...Object.values(attributes).map((attribute) => (attribute instanceof Graph ? opsetOf(attribute) : undefined)),
  ]);
  const versions = new Set(inner.filter((version) => version !== undefined));
  if (versions.size <= 1) return [...versions][0];
  throw new Cifar5mError(
    "engine/mixed-opsets",
    `a graph holds models of one opset, got ${[...versions].join(" and ")}. Export them with the same opset_version.`,
  );
}

function encodeGraph(graph: Graph, name: string): object {
  const { nodes, names } = neededNodes(graph);
  const initializers: object[] = [];
  const onnxNodes: object[] = nodes.flatMap((node) => node.op.onnxNodes?.(node) ?? [encodeNode(node, initializers)]);
  for (const [constant, value] of graph.constants) {
    if (names.has(constant)) initializers.push(encodeTensor(constant, value));
  }
  const computed = new Set(nodes.flatMap((node) => node.outputs.map((output) => output.name)));
  const outputs = [...graph.outputs].map(([outputName, tensor]) => {
    // ONNX matches the results of a body by position, so they need no Identity that renames them. An Identity would copy
    // all weights at each step.
    if (graph.parent !== undefined && computed.delete(tensor.name)) return encodeValueInfo(tensor.name, tensor);
    onnxNodes.push({ op_type: "Identity", input: [tensor.name], output: [outputName] });
    return encodeValueInfo(outputName, tensor);
  });
  const inputs = graph.inputs.map((input) => encodeValueInfo(input.name, input));
  return { node: onnxNodes, name, initializer: initializers, input: inputs, output: outputs };
}

function encodeNode(node: Node, initializers: object[]): object {
  const { op, attributes } = node;
  const first = node.inputs[0]!;
  const constants = op.constantInputs?.(attributes, first.dtype) ?? [];
  const constantNames = constants.map((value, index) => {
    if (value === undefined) return "";
    const name = `${node.outputs[0]!.name}.${index}`;
    initializers.push(encodeTensor(name, value));
    return name;
  });
  return {
    op_type: op.name,
    input: [...node.inputs.slice(0, op.numOnnxInputs).map(({ name }) => name), ...constantNames],
    output: node.outputs.map(({ name }) => name),
    attribute: Object.entries(op.onnxAttributes?.(attributes) ?? attributes).map(([name, value]) =>
      encodeAttribute(name, value, op.floatAttributes?.includes(name) ?? false),
    ),
  };
}

function encodeAttribute(name: string, value: Attribute, isFloat: boolean): object {
  if (typeof value === "string") return { name, type: attributeTypes.string, s: Buffer.from(value) };
  if (value instanceof Graph) return { name, type: attributeTypes.graph, g: encodeGraph(value, name) };
  if (typeof value === "number") {
    return isFloat ? { name, type: attributeTypes.float, f: value } : { name, type: attributeTypes.integer, i: value };
  }
  return isFloat
    ? { name, type: attributeTypes.floats, floats: value }
    : { name, type: attributeTypes.integers, ints: value };
}

function encodeTensor(name: string, { dtype, shape, data }: TensorData): object {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dims: shape, data_type: onnxTypes[dtype], raw_data: bytes };
}

function encodeValueInfo(name: string, { dtype, shape }: Tensor): object {
  const dimensions = shape.map((extent) => ({ dim_value: extent }));
  return { name, type: { tensor_type: { elem_type: onnxTypes[dtype], shape: { dim: dimensions } } } };
}
