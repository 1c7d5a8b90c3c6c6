import { type Kernels, single } from "../kernel.ts";

export const normalizeKernels: Kernels = {
  Softmax: single((tf, [x], { attributes }) => {
    const axis = attributes["axis"] as number;
    const last = x!.rank - 1;
    if (axis === last) return tf.softmax(x!);
    // tfjs supports the last axis only. Exchanging two axes is its own inverse.
    const exchange = x!.shape.map((_, index) => (index === axis ? last : index === last ? axis : index));
    return tf.transpose(tf.softmax(tf.transpose(x!, exchange)), exchange);
  }),
  BatchNormalization: single((tf, [x, slope, intercept]) => {
    const [scale, shift] = [slope!, intercept!].map((values) => tf.reshape(values, alongChannels(x!.rank)));
    return tf.add(tf.mul(x!, scale!), shift!);
  }),
  LayerNormalization: (tf, [x], { attributes }) => {
    const mean = tf.mean(x!, -1, true);
    const centered = tf.sub(x!, mean);
    const variance = tf.mean(tf.square(centered), -1, true);
    const inverseStd = tf.rsqrt(tf.add(variance, attributes["epsilon"] as number));
    return [tf.mul(centered, inverseStd), mean, inverseStd];
  },
};

/** The shape in which one value per channel broadcasts along the second axis of a tensor of the given rank. */
function alongChannels(rank: number): number[] {
  return Array.from({ length: rank }, (_, axis) => (axis === 1 ? -1 : 1));
}
