import { customVjp } from "../composites/custom-vjp.ts";
import { appendOne, type Operator, type Tensor } from "../graph/graph.ts";
import { reshape, transpose } from "../ops/reshape.ts";

/** Images [N, C, H, W] in the HWNC layout, [H, W, N, C]. */
export function toHwnc(images: Tensor): Tensor {
  const [numImages, channels, height, width] = images.shape as [number, number, number, number];
  const rows = reshape(images, [numImages * channels, height * width]);
  return reshape(matrixTranspose(rows), [height, width, numImages, channels]);
}

/** Images [H, W, N, C] in the NCHW layout, [N, C, H, W]. */
export function toNchw(images: Tensor): Tensor {
  const [height, width, numImages, channels] = images.shape as [number, number, number, number];
  const rows = reshape(images, [height * width, numImages * channels]);
  return reshape(matrixTranspose(rows), [numImages, channels, height, width]);
}

/**
 * Keeps onnxruntime from moving a reshape before the transpose. It would make one transpose of four axes, which takes 4
 * to 10 times as long as that of a matrix. Flattening a matrix changes nothing and copies nothing.
 */
const Flatten: Operator = { name: "Flatten" };

/** The transpose of a matrix, [A, B] to [B, A], in an order of nodes that stays. */
function matrixTranspose(matrix: Tensor): Tensor {
  const turned = transpose(matrix, [1, 0]);
  const kept = appendOne(Flatten, [turned], { axis: 1 }, turned.dtype, turned.shape);
  return customVjp(kept, [matrix], (gradient) => [matrixTranspose(gradient)]);
}
