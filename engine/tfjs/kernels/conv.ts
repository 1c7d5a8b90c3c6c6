import type { Attributes } from "../../graph.ts";
import { integersOf, type Kernels, outputShape, single } from "../kernel.ts";
import { channelsFirst, channelsLast, filtersLast } from "./images.ts";

function geometry(attributes: Attributes): { stride: number; padding: number } {
  return { stride: integersOf(attributes, "strides")[0]!, padding: integersOf(attributes, "pads")[0]! };
}

export const convKernels: Kernels = {
  Conv: single((tf, [x, filters, bias], { attributes }) => {
    const { stride, padding } = geometry(attributes);
    const result = tf.conv2d(channelsLast(tf, x!), filtersLast(tf, filters!), stride, padding, "NHWC", 1, "floor");
    return channelsFirst(tf, bias === undefined ? result : tf.add(result, bias));
  }),
  ConvTranspose: single((tf, [x, filters], node) => {
    const { stride, padding } = geometry(node.attributes);
    const [numImages, channels, height, width] = outputShape(node) as [number, number, number, number];
    const size: [number, number, number, number] = [numImages, height, width, channels];
    const images = channelsLast(tf, x!);
    return channelsFirst(tf, tf.conv2dTranspose(images, filtersLast(tf, filters!), size, stride, padding, "floor"));
  }),
};
