import { integersOf, type Kernels, outputShape, single } from "../kernel.ts";
import { channelsFirst, channelsLast } from "./images.ts";

export const poolKernels: Kernels = {
  AveragePool: single((tf, [x], { attributes }) => {
    const size = integersOf(attributes, "kernel_shape")[0]!;
    return channelsFirst(tf, tf.avgPool(channelsLast(tf, x!), size, size, "valid"));
  }),
  MaxPool: single((tf, [x], { attributes }) => {
    const size = integersOf(attributes, "kernel_shape")[0]!;
    return channelsFirst(tf, tf.maxPool(channelsLast(tf, x!), size, size, "valid"));
  }),
  Resize: single((tf, [x], node) => {
    const size = node.attributes["size"] as number;
    const [numImages, channels, height, width] = x!.shape as [number, number, number, number];
    const pixels = tf.reshape(x!, [numImages * channels, height, 1, width, 1]);
    return tf.reshape(tf.broadcastTo(pixels, [numImages * channels, height, size, width, size]), outputShape(node));
  }),
};
