import type { Attributes } from "../../graph/graph.ts";
import { integersOf, type Kernels, outputShape, single } from "../kernel.ts";
import { channelsFirst, channelsLast, filtersLast, padSides } from "./images.ts";

function geometry(attributes: Attributes): { stride: number; padding: number } {
  return { stride: integersOf(attributes, "strides")[0]!, padding: integersOf(attributes, "pads")[0]! };
}

/** Native TensorFlow supports the paddings `same` and `valid` only. So images are padded before, and cropped after. */
export const convKernels: Kernels = {
  Conv: single((tf, [x, filters, bias], { attributes }) => {
    const { stride, padding } = geometry(attributes);
    const images = padSides(tf, channelsLast(tf, x!), padding);
    const result = tf.conv2d(images, filtersLast(tf, filters!), stride, "valid");
    return channelsFirst(tf, bias === undefined ? result : tf.add(result, bias));
  }),
  ConvTranspose: single((tf, [x, filters], node) => {
    const { stride, padding } = geometry(node.attributes);
    const [numImages, channels, height, width] = outputShape(node) as [number, number, number, number];
    const padded: [number, number, number, number] = [numImages, height + 2 * padding, width + 2 * padding, channels];
    const images = channelsLast(tf, x!);
    const result = tf.conv2dTranspose(images, filtersLast(tf, filters!), padded, stride, "valid");
    return channelsFirst(tf, tf.slice(result, [0, padding, padding, 0], [numImages, height, width, channels]));
  }),
};
