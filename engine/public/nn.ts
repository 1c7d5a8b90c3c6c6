/** Building blocks of networks: composites of operations, parameters with their initializers, and weights. */

export { gelu, silu } from "../composites/activations.ts";
export { attention, attentionPixelsLast } from "../composites/attention.ts";
export { customVjp, type GradientRule } from "../composites/custom-vjp.ts";
export { dropout } from "../composites/dropout.ts";
export { crossEntropy, logSoftmax, oneHot } from "../composites/losses.ts";
export { type BatchStatistics, batchNorm, batchNormBy, groupNorm, layerNorm } from "../composites/norms.ts";
export { constantScope, type Weights } from "../parameters/constant-scope.ts";
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
} from "../parameters/parameters.ts";
export { readSafetensors, type TensorFile, writeSafetensors } from "../parameters/safetensors.ts";
export { ParameterTrace, type RandomInput, traceParameters } from "../parameters/trace-parameters.ts";
