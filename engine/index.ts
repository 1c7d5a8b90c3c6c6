/** Graphs: building, differentiating, training and running them. */

export { gradients } from "./autodiff.ts";
export { gelu, silu } from "./composites/activations.ts";
export { attention, attentionPixelsLast } from "./composites/attention.ts";
export { customVjp, type GradientRule } from "./composites/custom-vjp.ts";
export { dropout } from "./composites/dropout.ts";
export { crossEntropy, logSoftmax, oneHot } from "./composites/losses.ts";
export {
  type BatchStatistics,
  batchNorm,
  batchNormBy,
  groupNorm,
  layerNorm,
} from "./composites/norms.ts";
export { createEngine } from "./create-engine.ts";
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
export {
  descriptionOf,
  type ExpectedPort,
  embedDescription,
  isDescribedOnnx,
  readDescription,
  requirePorts,
} from "./onnx/onnx-description.ts";
export { requireBoundedLoops } from "./onnx/onnx-loops.ts";
export type {
  Int64,
  OnnxAttribute,
  OnnxDimension,
  OnnxGraph,
  OnnxNode,
  OnnxTensor,
  OnnxValue,
} from "./onnx/onnx-schema.ts";
export { decodeOnnxGraph, type OnnxModel, type OnnxPort, opsets, readOnnx } from "./onnx/read-onnx.ts";
export { type OnnxCall, spliceOnnx } from "./onnx/splice-onnx.ts";
export { writeOnnx } from "./onnx/write-onnx.ts";
export { cudaProviderFile, onnxruntimeFiles } from "./onnxruntime/files.ts";
export { branch } from "./ops/branch.ts";
export { expand, type ReduceOptions, sum } from "./ops/broadcast.ts";
export { concat, split } from "./ops/concat.ts";
export { type ConvOptions, conv2d, convTranspose2d } from "./ops/conv.ts";
export * from "./ops/elementwise.ts";
export { gather } from "./ops/gather.ts";
export { type LoopBody, loop } from "./ops/loop.ts";
export { matmul, swapLastTwo } from "./ops/matmul.ts";
export { affineChannels, softmax, standardize } from "./ops/normalize.ts";
export { averagePool, maxPool, upsample } from "./ops/pool.ts";
export { max, mean } from "./ops/reduce.ts";
export { reshape, transpose } from "./ops/reshape.ts";
export { type Padding, pad, type SliceRange, slice } from "./ops/slice.ts";
export { constantScope, type Weights } from "./parameters/constant-scope.ts";
export {
  fanInInitializer,
  type Initializer,
  initialParameters,
  onesInitializer,
  type ParameterSource,
  type ParameterSpec,
  type RandomKind,
  Scope,
  type StateSpec,
  totalSize,
  unflattenParameters,
  zerosInitializer,
} from "./parameters/parameters.ts";
export { readSafetensors, type TensorFile, writeSafetensors } from "./parameters/safetensors.ts";
export { ParameterTrace, type RandomInput, traceParameters } from "./parameters/trace-parameters.ts";
export { probeGraph } from "./probe-graph.ts";
export { buildEvaluationProgram, type EvaluationProgram } from "./training/evaluation-program.ts";
export {
  adam,
  adamw,
  clipByNorm,
  clipScale,
  type Optimizer,
  type OptimizerStep,
  sgd,
  updateEma,
} from "./training/optimizers.ts";
export {
  type LoadedCheckpoint,
  loadCheckpoint,
  runTraining,
  type TrainingProgress,
  type TrainingRun,
  type TrainingStore,
} from "./training/run-training.ts";
export { initialState, type StepInputs, stateFromWeights, Trainer, type TrainingState } from "./training/trainer.ts";
export {
  buildTrainingProgram,
  type Declaration,
  type LossInputs,
  type TrainingDefinition,
  type TrainingProgram,
} from "./training/training-program.ts";
