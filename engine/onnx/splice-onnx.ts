import { type Graph, innermostGraph, type Node, type Operator, type Tensor } from "../graph/graph.ts";
import type { DType, Shape } from "../graph/tensor.ts";
import type { OnnxAttribute, OnnxGraph, OnnxNode } from "./onnx-schema.ts";
import { decodeOnnxTensor } from "./onnx-tensors.ts";
import type { OnnxModel } from "./read-onnx.ts";

/** The inputs and the output of a call, by the names that the model has for them. */
export interface OnnxCall {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly output: { readonly name: string; readonly dtype: DType; readonly shape: Shape };
}

/**
 * Inserts a model that was made elsewhere into the graphs that call it. Each call adds its nodes under new names. Each
 * graph gets the weights once; in a graph around a `Loop`, onnxruntime would not reorder them for its kernels. In our
 * graph a call is one node without a gradient, and only the ONNX writer looks inside. Extents that the model leaves
 * open, such as the batch size, follow from the shapes of the inputs.
 * @returns a function that calls the model; every input must be fed, and the output must have the declared type and shape
 */
export function spliceOnnx(model: OnnxModel): (call: OnnxCall) => Tensor {
  const weightsByGraph = new WeakMap<Graph, ReadonlyMap<string, Tensor>>();
  return ({ inputs, output: { name: output, dtype, shape } }) => {
    const graph = innermostGraph(Object.values(inputs));
    const weights = weightsByGraph.get(graph) ?? addWeights(graph, model);
    weightsByGraph.set(graph, weights);
    const names = [...Object.keys(inputs), ...weights.keys()];
    const op: Operator = {
      name: "Model",
      opset: model.opset,
      onnxNodes: (node) => renamedNodes(model.graph, { names, node, output }),
    };
    const fed = [...Object.values(inputs), ...weights.values()];
    return graph.append(op, fed, {}, [{ dtype, shape }])[0]!;
  };
}

function addWeights(graph: Graph, model: OnnxModel): ReadonlyMap<string, Tensor> {
  const weights = new Map<string, Tensor>();
  for (const tensor of model.graph.initializer) {
    const value = decodeOnnxTensor(tensor);
    if (value !== undefined) weights.set(tensor.name, graph.constant(value));
  }
  return weights;
}

/** The model's nodes, renamed. Inputs and weights get the names in our graph; other names start with the result's name. */
function renamedNodes(
  graph: OnnxGraph,
  { names, node, output }: { readonly names: readonly string[]; readonly node: Node; readonly output: string },
): object[] {
  const result = node.outputs[0]!.name;
  const outer = new Map(names.map((name, index) => [name, node.inputs[index]!.name]));
  // An empty name means that an optional value is left out.
  const rename = (name: string) => (name === "" ? "" : (outer.get(name) ?? `${result}.${name}`));
  // Our graphs do not support the types of these weights, so they become constants among the nodes.
  const constants = graph.initializer
    .filter(({ name }) => !outer.has(name))
    .map((tensor) => ({
      op_type: "Constant",
      output: [rename(tensor.name)],
      attribute: [{ name: "value", type: 4, t: tensor }],
    }));
  const nodes = graph.node.map((inner) => renamedNode(inner, rename));
  return [...constants, ...nodes, { op_type: "Identity", input: [rename(output)], output: [result] }];
}

type Rename = (name: string) => string;

function renamedNode(node: OnnxNode, rename: Rename): object {
  return {
    ...node,
    name: rename(node.name),
    domain: "",
    input: node.input.map(rename),
    output: node.output.map(rename),
    attribute: node.attribute.map((attribute) => renamedAttribute(attribute, rename)),
  };
}

function renamedAttribute(attribute: OnnxAttribute, rename: Rename): object {
  const { g, graphs } = attribute;
  if (!g && graphs.length === 0) return attribute;
  return {
    ...attribute,
    ...(g ? { g: renamedGraph(g, rename) } : {}),
    graphs: graphs.map((graph) => renamedGraph(graph, rename)),
  };
}

function renamedGraph(graph: OnnxGraph, rename: Rename): object {
  const renameIt = <Named extends { readonly name: string }>(named: Named) => ({ ...named, name: rename(named.name) });
  return {
    ...graph,
    node: graph.node.map((node) => renamedNode(node, rename)),
    initializer: graph.initializer.map(renameIt),
    input: graph.input.map(renameIt),
    output: graph.output.map(renameIt),
  };
}
