/** Operations on tensors. Each adds nodes to the graph of its operands. */

export { branch } from "../ops/branch.ts";
export { expand, type ReduceOptions, sum } from "../ops/broadcast.ts";
export { concat, split } from "../ops/concat.ts";
export { type ConvOptions, conv2d, convTranspose2d } from "../ops/conv.ts";
export {
  abs,
  add,
  cast,
  cos,
  div,
  equal,
  erf,
  exp,
  floor,
  greater,
  less,
  log,
  maximum,
  minimum,
  mul,
  neg,
  type Operand,
  pow,
  reciprocal,
  relu,
  round,
  sigmoid,
  sign,
  sin,
  sqrt,
  stopGradient,
  sub,
  tanh,
  where,
} from "../ops/elementwise.ts";
export { gather } from "../ops/gather.ts";
export { type LoopBody, loop } from "../ops/loop.ts";
export { matmul, swapLastTwo } from "../ops/matmul.ts";
export { affineChannels, softmax, standardize } from "../ops/normalize.ts";
export { averagePool, maxPool, upsample } from "../ops/pool.ts";
export { max, mean } from "../ops/reduce.ts";
export { reshape, transpose } from "../ops/reshape.ts";
export { type Padding, pad, type SliceRange, slice } from "../ops/slice.ts";
