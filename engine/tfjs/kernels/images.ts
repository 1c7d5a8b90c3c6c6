import type { Tensor, TensorFlow } from "../load-tensorflow.ts";
import { transposed } from "../strided-view.ts";

type Tensor4D = import("@tensorflow/tfjs").Tensor4D;

/** [N, C, H, W] to [N, H, W, C], the only layout in which tfjs computes on a CPU. */
export function channelsLast(tf: TensorFlow, x: Tensor): Tensor4D {
  return transposed(tf, x, [0, 2, 3, 1]) as Tensor4D;
}

/** [N, H, W, C] to [N, C, H, W]. */
export function channelsFirst(tf: TensorFlow, x: Tensor): Tensor4D {
  return transposed(tf, x, [0, 3, 1, 2]) as Tensor4D;
}

/** Filters [O, I, h, w] to [h, w, I, O]. */
export function filtersLast(tf: TensorFlow, filters: Tensor): Tensor4D {
  return transposed(tf, filters, [2, 3, 1, 0]) as Tensor4D;
}

/** [N, H, W, C] with zeros around each image. */
export function padSides(tf: TensorFlow, images: Tensor4D, padding: number): Tensor4D {
  if (padding === 0) return images;
  const sides: [number, number] = [padding, padding];
  return tf.pad(images, [[0, 0], sides, sides, [0, 0]]);
}
