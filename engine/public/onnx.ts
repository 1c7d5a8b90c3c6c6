/** ONNX files: writing graphs, reading models that were made elsewhere, and calling them. */

export {
  descriptionOf,
  type ExpectedPort,
  embedDescription,
  isDescribedOnnx,
  readDescription,
  requirePorts,
} from "../onnx/onnx-description.ts";
export { requireBoundedLoops } from "../onnx/onnx-loops.ts";
export type {
  Int64,
  OnnxAttribute,
  OnnxDimension,
  OnnxGraph,
  OnnxNode,
  OnnxTensor,
  OnnxValue,
} from "../onnx/onnx-schema.ts";
export { decodeOnnxGraph, type OnnxModel, type OnnxPort, opsets, readOnnx } from "../onnx/read-onnx.ts";
export { type OnnxCall, spliceOnnx } from "../onnx/splice-onnx.ts";
export { writeOnnx } from "../onnx/write-onnx.ts";
export { probeGraph } from "../probe-graph.ts";
