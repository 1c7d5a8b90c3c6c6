import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { requireBoundedLoops } from "./onnx-loops.ts";
import {
  ModelProto,
  type OnnxFile,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from "./onnx-schema.ts";
import { elementTypeName, requireValidTensor } from "./onnx-tensors.ts";

/** An input or output of a model, as the file declares it. */
export interface OnnxPort {
  readonly name: string;
  /** `float32`, `int64`, …; undefined if it is not a tensor. */
  readonly dtype: string | undefined;
  /** Extents; a name stands for an extent that the file leaves open. Undefined if the file declares no shape. */
  readonly shape: readonly (number | string)[] | undefined;
}

/** An ONNX model that was made elsewhere. */
export interface OnnxModel {
  /** What errors call the model. */
  readonly label: string;
  readonly opset: number;
  /** The inputs that have to be fed. Inputs with values in the file are not among them. */
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  /** @internal */
  readonly graph: OnnxGraph;
  readonly metadata: ReadonlyMap<string, string>;
}

/** Versions of ONNX operators in which the operators of `engine/ops` mean the same, so that one file can hold both. */
export const opsets = { oldest: 18, newest: 26 } as const;

/**
 * Reads a model that was made elsewhere. It refuses models that could not run or whose result could not be trusted.
 * @param label - what errors call the model
 * @throws Cifar5mError `model/not-onnx`, `model/unsupported`, `model/external-data`, `model/corrupt`, `model/not-finite`
 */
export function readOnnx(bytes: Uint8Array, label: string): OnnxModel {
  const { graph, opset, metadata } = decodeFile(bytes, label);
  const initialized = new Set(graph.initializer.map(({ name }) => name));
  const model: OnnxModel = {
    label,
    opset,
    inputs: graph.input.filter(({ name }) => !initialized.has(name)).map(portOf),
    outputs: graph.output.map(portOf),
    graph,
    metadata,
  };
  for (const part of graphsOf(graph)) {
    for (const node of part.node) requireStandard(node, label);
    if (part.sparse_initializer.length > 0) throw unsupported(label, "must have dense weights, some are sparse");
    for (const tensor of tensorsOf(part)) requireValidTensor(tensor, label);
  }
  requireBoundedLoops(graph, label);
  return model;
}

/** The graph of any ONNX file, or undefined if the bytes are not an ONNX file. */
export function decodeOnnxGraph(bytes: Uint8Array): OnnxGraph | undefined {
  try {
    return (ModelProto.decode(bytes) as unknown as OnnxFile).graph ?? undefined;
  } catch {
    return undefined;
  }
}

function decodeFile(bytes: Uint8Array, label: string) {
  let file: OnnxFile;
  try {
    file = ModelProto.decode(bytes) as unknown as OnnxFile;
  } catch (error) {
    throw new Cifar5mError(
      "model/not-onnx",
      `${label} is not an ONNX file, or was cut off: ${messageOf(error)}. Copy or export it again.`,
      { cause: error },
    );
  }
  const { graph, opset_import: imports, metadata_props: properties } = file;
  const version = imports.find(({ domain }) => isStandard(domain))?.version.toNumber();
  if (graph === undefined || graph === null || graph.output.length === 0 || version === undefined) {
    const what = version === undefined ? "no version of the operators" : "no graph with an output";
    throw new Cifar5mError(
      "model/not-onnx",
      `${label} is not an ONNX file, or was cut off: it has ${what}. Export it again.`,
    );
  }
  if (version < opsets.oldest || version > opsets.newest) {
    throw unsupported(
      label,
      `must be of opset ${opsets.oldest} to ${opsets.newest}, got ${version}`,
      `Export it with opset_version=20, or use onnx.version_converter`,
    );
  }
  return { graph, opset: version, metadata: new Map(properties.map(({ key, value }) => [key, value])) };
}

/** A graph and all graphs in the attributes of its nodes. */
function* graphsOf(graph: OnnxGraph): Generator<OnnxGraph> {
  yield graph;
  for (const { attribute } of graph.node) {
    for (const { g, graphs } of attribute) for (const inner of g ? [g, ...graphs] : graphs) yield* graphsOf(inner);
  }
}

/** The weights and constants of a graph, without those of inner graphs. */
function* tensorsOf({ initializer, node }: OnnxGraph): Generator<OnnxTensor> {
  yield* initializer;
  for (const { attribute } of node) for (const { t, tensors } of attribute) yield* t ? [t, ...tensors] : tensors;
}

function requireStandard({ name, op_type: operator, domain }: OnnxNode, label: string): void {
  if (isStandard(domain)) return;
  throw unsupported(
    label,
    `must use operators of ONNX only, node "${name}" is ${domain}.${operator}`,
    "Export it without custom operators",
  );
}

function isStandard(domain: string): boolean {
  return domain === "" || domain === "ai.onnx";
}

function unsupported(label: string, what: string, advice = "Export it in another way"): Cifar5mError {
  return new Cifar5mError("model/unsupported", `${label} ${what}. ${advice}.`);
}

function portOf({ name, type }: OnnxValue): OnnxPort {
  const tensor = type?.tensor_type;
  if (tensor === undefined || tensor === null) return { name, dtype: undefined, shape: undefined };
  const shape = tensor.shape?.dim.map(({ value, dim_value: extent, dim_param: symbol }) =>
    value === "dim_value" ? extent.toNumber() : value === "dim_param" ? symbol : "?",
  );
  return { name, dtype: elementTypeName(tensor.elem_type), shape };
}
