import { gelu, silu } from "../../../engine/composites/activations.ts";
import { attention } from "../../../engine/composites/attention.ts";
import { dropout } from "../../../engine/composites/dropout.ts";
import { crossEntropy, logSoftmax, oneHot } from "../../../engine/composites/losses.ts";
import { batchNorm, batchNormBy, groupNorm, layerNorm } from "../../../engine/composites/norms.ts";
import type { Tensor } from "../../../engine/graph/graph.ts";
import { tensorData } from "../../../engine/graph/tensor.ts";
import { concat } from "../../../engine/ops/concat.ts";
import { add, mul } from "../../../engine/ops/elementwise.ts";
import { clipByNorm, updateEma } from "../../../engine/training/optimizers.ts";
import { type OpCase, type TfTensor, tf, uniforms } from "./op-case.ts";
import { standardized } from "./shape-cases.ts";

const images = [3, 4, 2, 3];
const noise = uniforms(24, 99);
const classes = [1, 4, 0];

export const compositeCases: readonly OpCase[] = [
  {
    name: "silu",
    shapes: [[2, 5]],
    build: (x) => silu(x!),
    reference: (x) => tf.mul(x!, tf.sigmoid(x!)),
    second: true,
  },
  {
    name: "gelu",
    shapes: [[2, 5]],
    build: (x) => gelu(x!),
    reference: (x) => tf.mul(x!, tf.mul(0.5, tf.add(1, tf.erf(tf.mul(x!, Math.SQRT1_2))))),
    float32Only: true,
  },
  {
    name: "groupNorm",
    shapes: [images, [4], [4]],
    build: (x, scale, shift) => groupNorm(x!, 2, scale!, shift!),
    reference: (x, scale, shift) =>
      affine(tf.reshape(standardized(tf.reshape(x!, [3, 2, 12]), 1e-5), images), scale!, shift!),
    float32Only: true,
    second: true,
  },
  {
    name: "layerNorm",
    shapes: [[3, 5], [5], [5]],
    build: (x, scale, shift) => layerNorm(x!, scale!, shift!),
    reference: (x, scale, shift) => tf.add(tf.mul(standardized(x!, 1e-5), scale!), shift!),
  },
  {
    name: "batchNorm by the batch",
    shapes: [images, [4], [4]],
    build: (x, scale, shift) => batchNorm(x!, scale!, shift!).result,
    reference: (x, scale, shift) => {
      const perChannel = standardized(tf.reshape(tf.transpose(x!, [1, 0, 2, 3]), [4, 18]), 1e-5);
      return affine(tf.transpose(tf.reshape(perChannel, [4, 3, 2, 3]), [1, 0, 2, 3]), scale!, shift!);
    },
    second: true,
  },
  {
    name: "batchNorm of features",
    shapes: [[6, 4], [4], [4]],
    build: (x, scale, shift) => batchNorm(x!, scale!, shift!).result,
    reference: (x, scale, shift) => tf.add(tf.mul(tf.transpose(standardized(tf.transpose(x!), 1e-5)), scale!), shift!),
    second: true,
  },
  {
    name: "batchNorm's statistics",
    shapes: [images],
    build: (x) => {
      const one = x!.graph.constant(tensorData(x!.dtype, [4], [1, 1, 1, 1]));
      const { statistics } = batchNorm(x!, one, one);
      return concat([statistics.mean, statistics.variance], 0);
    },
    reference: (x) => {
      const { mean, variance } = tf.moments(x!, [0, 2, 3]);
      return tf.concat([mean, variance], 0);
    },
  },
  {
    name: "batchNorm by given statistics",
    shapes: [images, [4], [4], [4], [4]],
    range: [0.5, 2],
    build: (x, scale, shift, mean, variance) => batchNormBy(x!, scale!, shift!, { mean: mean!, variance: variance! }),
    reference: (x, scale, shift, mean, variance) =>
      affine(tf.div(tf.sub(x!, perChannel(mean!)), tf.sqrt(tf.add(perChannel(variance!), 1e-5))), scale!, shift!),
  },
  {
    name: "attention with two heads",
    shapes: [
      [2, 3, 4],
      [2, 5, 4],
      [2, 5, 3],
    ],
    build: (query, key, value) => attention(query!, key!, value!),
    reference: (query, key, value) => tf.matMul(tf.softmax(tf.mul(tf.matMul(query!, key!, false, true), 0.5)), value!),
    second: true,
  },
  {
    name: "dropout",
    shapes: [[4, 6]],
    build: (x) => dropout(x!, 0.3, x!.graph.constant(tensorData(x!.dtype, [4, 6], [...noise]))),
    reference: (x) =>
      tf.mul(
        x!,
        tf.tensor2d(
          Array.from(noise, (value) => (value < 0.7 ? 1 / 0.7 : 0)),
          [4, 6],
        ),
      ),
  },
  {
    name: "logSoftmax",
    shapes: [[3, 5]],
    build: (x) => logSoftmax(x!),
    reference: (x) => tf.logSoftmax(x!),
  },
  {
    name: "crossEntropy with label smoothing, of oneHot",
    shapes: [[3, 5]],
    build: (x) => {
      const target = oneHot(x!.graph.constant(tensorData("int64", [3], classes)), 5, x!.dtype as "float32");
      return crossEntropy(x!, target, { labelSmoothing: 0.2 });
    },
    reference: (x) => {
      const target = tf.add(tf.mul(tf.cast(tf.oneHot(tf.tensor1d(classes, "int32"), 5), "float32"), 0.8), 0.04);
      return tf.neg(tf.mean(tf.sum(tf.mul(target, tf.logSoftmax(x!)), -1)));
    },
    second: true,
  },
  {
    name: "clipByNorm",
    shapes: [[7]],
    build: (x) => concat([clipByNorm(x!, 1.5), clipByNorm(x!, 100)], 0),
    reference: (x) => tf.concat([tf.mul(x!, tf.div(1.5, tf.norm(x!))), x!], 0),
  },
  {
    name: "updateEma",
    shapes: [[4], [4], []],
    build: (average, value, decay) => updateEma(average!, value!, decay!),
    reference: (average, value, decay) => tf.add(tf.mul(average!, decay!), tf.mul(value!, tf.sub(1, decay!))),
  },
  {
    name: "a value used many times",
    shapes: [[3], [3]],
    build: (a, b) => repeatedly((x) => add(mul(x, x), b!), a!),
    reference: (a, b) => tf.add(tf.square(tf.add(tf.square(a!), b!)), b!),
    second: true,
  },
];

function repeatedly(step: (x: Tensor) => Tensor, x: Tensor): Tensor {
  return step(step(x));
}

function perChannel(values: TfTensor): TfTensor {
  return tf.reshape(values, [1, -1, 1, 1]);
}

function affine(x: TfTensor, scale: TfTensor, shift: TfTensor): TfTensor {
  return tf.add(tf.mul(x, perChannel(scale)), perChannel(shift));
}
