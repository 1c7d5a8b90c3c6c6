/**
 * Graphs: building, differentiating, training and running them.
 *
 * Operations and everything built from them are in the namespaces `ops`, `nn`, `optim`, `training` and `onnx`.
 */

export { Cifar5mError } from "../core/errors.ts";
export { gradients } from "./autodiff.ts";
export { createEngine } from "./create-engine.ts";
export { DeviceError } from "./device-error.ts";
export { type DeviceName, parseDevice } from "./device-name.ts";
export {
  type Engine,
  type EngineName,
  type EngineOptions,
  type Executable,
  type Execution,
  engineNames,
  executionIdentity,
  type Feeds,
  type Goal,
  type ImageLayout,
  type Precision,
  precisions,
  type SeededExecution,
} from "./executor.ts";
export {
  type Attribute,
  type Attributes,
  Graph,
  type Node,
  type Operator,
  type RuleKind,
  type Tensor,
} from "./graph/graph.ts";
export {
  type DType,
  isFloat,
  type Shape,
  sizeOf,
  type TensorArray,
  type TensorData,
  tensorData,
  zeros,
} from "./graph/tensor.ts";
export { isOutOfMemory, outOfMemory } from "./memory-error.ts";
export { probeEngine } from "./probe-engine.ts";
export { buildTrainingProgram, crossEntropy, sgd, Trainer } from "./public/flat.ts";
export * as nn from "./public/nn.ts";
export * as onnx from "./public/onnx.ts";
export * as ops from "./public/ops.ts";
export * as optim from "./public/optim.ts";
export * as training from "./public/training.ts";
