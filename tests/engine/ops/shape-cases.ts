import type { Tensor } from "../../../engine/graph/graph.ts";
import { tensorData } from "../../../engine/graph/tensor.ts";
import { expand, sum } from "../../../engine/ops/broadcast.ts";
import { concat, split } from "../../../engine/ops/concat.ts";
import { add, mul } from "../../../engine/ops/elementwise.ts";
import { gather } from "../../../engine/ops/gather.ts";
import { matmul, swapLastTwo } from "../../../engine/ops/matmul.ts";
import { affineChannels, softmax, standardize } from "../../../engine/ops/normalize.ts";
import { max, mean } from "../../../engine/ops/reduce.ts";
import { reshape, transpose } from "../../../engine/ops/reshape.ts";
import { pad, slice } from "../../../engine/ops/slice.ts";
import { type OpCase, type TfTensor, tf } from "./op-case.ts";

export const shapeCases: readonly OpCase[] = [
  {
    name: "reshape",
    shapes: [[2, 6]],
    build: (x) => reshape(x!, [3, -1]),
    reference: (x) => tf.reshape(x!, [3, 4]),
  },
  {
    name: "transpose of four axes",
    shapes: [[2, 3, 2, 2]],
    build: (x) => transpose(x!, [2, 0, 3, 1]),
    reference: (x) => tf.transpose(x!, [2, 0, 3, 1]),
  },
  {
    name: "swapLastTwo",
    shapes: [[2, 3, 4]],
    build: (x) => swapLastTwo(x!),
    reference: (x) => tf.transpose(x!, [0, 2, 1]),
  },
  {
    name: "expand along new and unit axes",
    shapes: [[3, 1]],
    build: (x) => expand(x!, [2, 3, 4]),
    reference: (x) => tf.broadcastTo(x!, [2, 3, 4]),
  },
  {
    name: "concat along the middle axis",
    shapes: [
      [2, 1, 3],
      [2, 2, 3],
    ],
    build: (a, b) => concat([a!, b!, a!], 1),
    reference: (a, b) => tf.concat([a!, b!, a!], 1),
  },
  {
    name: "split, one part unused",
    shapes: [[2, 6]],
    build: (x) => {
      const [first, , third] = split(x!, [2, 1, 3], 1);
      return concat([mul(first!, first!), third!], -1);
    },
    reference: (x) => {
      const [first, , third] = tf.split(x!, [2, 1, 3], 1);
      return tf.concat([tf.mul(first!, first!), third!], 1);
    },
  },
  {
    name: "slice with steps 2, -1 and -2",
    shapes: [[5, 4, 7]],
    build: (x) =>
      slice(x!, [
        { axis: 0, start: 1, end: 5, step: 2 },
        { axis: 1, start: 2, end: -Infinity, step: -1 },
        { axis: 2, start: 5, end: 0, step: -2 },
      ]),
    reference: (x) => picked(picked(picked(x!, [1, 3], 0), [2, 1, 0], 1), [5, 3, 1], 2),
    second: true,
  },
  {
    name: "slice with steps 1 and 3",
    shapes: [[4, 8]],
    build: (x) =>
      slice(x!, [
        { axis: 0, start: 1, end: 3 },
        { axis: -1, start: 0, end: 8, step: 3 },
      ]),
    reference: (x) => picked(tf.slice(x!, [1, 0], [2, 8]), [0, 3, 6], 1),
  },
  {
    name: "pad on both sides of two axes",
    shapes: [[2, 3, 2]],
    build: (x) =>
      pad(x!, [
        { axis: 1, before: 1, after: 2 },
        { axis: 2, before: 0, after: 1 },
      ]),
    reference: (x) =>
      tf.pad(x!, [
        [0, 0],
        [1, 2],
        [0, 1],
      ]),
  },
  {
    name: "gather of repeated rows by a matrix of indices",
    shapes: [[4, 3]],
    build: (x) => gather(x!, indices(x!, [2, 3], [3, 0, 0, 1, 3, 3])),
    reference: (x) => tf.gather(x!, tf.tensor2d([3, 0, 0, 1, 3, 3], [2, 3], "int32")),
    second: true,
  },
  {
    name: "gather along axis 1",
    shapes: [[2, 4, 3]],
    build: (x) => gather(x!, indices(x!, [3], [3, 0, 3]), 1),
    reference: (x) => picked(x!, [3, 0, 3], 1),
  },
  {
    name: "gather along the last axis, counted from the end",
    shapes: [[2, 3, 4]],
    build: (x) => gather(x!, indices(x!, [3], [3, 0, 3]), -1),
    reference: (x) => picked(x!, [3, 0, 3], 2),
  },
  {
    name: "pad along the last axis, counted from the end",
    shapes: [[2, 3]],
    build: (x) => pad(x!, [{ axis: -1, before: 1, after: 2 }]),
    reference: (x) =>
      tf.pad(x!, [
        [0, 0],
        [1, 2],
      ]),
  },
  {
    name: "gather by a scalar",
    shapes: [[4, 3]],
    build: (x) => gather(x!, indices(x!, [], [2])),
    reference: (x) => tf.reshape(tf.slice(x!, [2, 0], [1, 3]), [3]),
  },
  {
    name: "matmul of matrices",
    shapes: [
      [2, 3],
      [3, 4],
    ],
    build: (a, b) => matmul(a!, b!),
    reference: (a, b) => tf.matMul(a!, b!),
    second: true,
  },
  {
    name: "matmul of a batch by a matrix",
    shapes: [
      [2, 2, 3],
      [3, 4],
    ],
    build: (a, b) => matmul(a!, b!),
    reference: (a, b) => tf.matMul(a!, tf.broadcastTo(b!, [2, 3, 4])),
    second: true,
  },
  {
    name: "affineChannels of images",
    shapes: [[2, 3, 2, 2], [3], [3]],
    build: (x, slope, intercept) => affineChannels(x!, slope!, intercept!),
    reference: (x, slope, intercept) =>
      tf.add(tf.mul(x!, tf.reshape(slope!, [3, 1, 1])), tf.reshape(intercept!, [3, 1, 1])),
    second: true,
  },
  {
    name: "affineChannels of features",
    shapes: [[4, 3], [3], [3]],
    build: (x, slope, intercept) => affineChannels(x!, slope!, intercept!),
    reference: (x, slope, intercept) => tf.add(tf.mul(x!, slope!), intercept!),
  },
  {
    name: "matmul of batches that broadcast",
    shapes: [
      [2, 1, 2, 3],
      [3, 3, 2],
    ],
    build: (a, b) => matmul(a!, b!),
    reference: (a, b) => tf.matMul(tf.broadcastTo(a!, [2, 3, 2, 3]), tf.broadcastTo(b!, [2, 3, 3, 2])),
  },
  {
    name: "sum over all axes",
    shapes: [[2, 3]],
    build: (x) => mul(sum(x!), sum(x!)),
    reference: (x) => tf.square(tf.sum(x!)),
    second: true,
  },
  {
    name: "mean over outer axes",
    shapes: [[2, 3, 4]],
    build: (x) => mean(x!, { axes: [0, -1] }),
    reference: (x) => tf.mean(x!, [0, 2]),
  },
  {
    name: "max along an axis, kept",
    shapes: [[3, 4]],
    build: (x) => add(x!, max(x!, { axes: [1], keepDims: true })),
    reference: (x) => tf.add(x!, tf.max(x!, 1, true)),
  },
  {
    name: "softmax of the last axis",
    shapes: [[3, 4]],
    build: (x) => softmax(x!),
    reference: (x) => tf.softmax(x!),
    second: true,
  },
  {
    name: "softmax of the first axis",
    shapes: [[3, 2, 2]],
    build: (x) => softmax(x!, 0),
    reference: (x) => tf.transpose(tf.softmax(tf.transpose(x!, [2, 1, 0])), [2, 1, 0]),
  },
  {
    name: "standardize",
    shapes: [[3, 5]],
    build: (x) => standardize(x!, 1e-3),
    reference: (x) => standardized(x!, 1e-3),
    float32Only: true,
    second: true,
  },
];

function indices(like: Tensor, shape: readonly number[], values: readonly number[]): Tensor {
  return like.graph.constant(tensorData("int64", shape, values));
}

function picked(x: TfTensor, indices: number[], axis: number): TfTensor {
  return tf.gather(x, tf.tensor1d(indices, "int32"), axis);
}

/** Normalizes the rows of the last axis to mean 0 and variance 1, step by step. */
export function standardized(x: TfTensor, epsilon: number): TfTensor {
  const centered = tf.sub(x, tf.mean(x, -1, true));
  return tf.div(centered, tf.sqrt(tf.add(tf.mean(tf.square(centered), -1, true), epsilon)));
}
