import { appendOne, type Node, type Operator, shapeError, type Tensor } from "../graph/graph.ts";
import { tensorData } from "../graph/tensor.ts";
import { cast, equal, mul, reciprocal } from "./elementwise.ts";
import { slice } from "./slice.ts";

function windowSize({ attributes }: Node) {
  return (attributes["kernel_shape"] as number[])[0]!;
}

const AveragePool: Operator = {
  name: "AveragePool",
  vjp: (node, [gradient]) => {
    const size = windowSize(node);
    return [mul(upsample(gradient!, size), 1 / size ** 2)];
  },
};

const MaxPool: Operator = {
  name: "MaxPool",
  vjp: (node, [gradient]) => {
    const size = windowSize(node);
    const isLargest = cast(equal(node.inputs[0]!, upsample(node.outputs[0]!, size)), gradient!.dtype);
    const share = mul(gradient!, reciprocal(mul(averagePool(isLargest, size), size ** 2)));
    return [mul(isLargest, upsample(share, size))];
  },
};

function pool(op: Operator, x: Tensor, size: number): Tensor {
  const [numImages, channels, height, width] = x.shape as [number, number, number, number];
  if (x.shape.length !== 4 || height < size || width < size) {
    throw shapeError(op.name, `expects [N, C, H, W] with H and W of ${size} or more`, x.shape);
  }
  const rows = Math.floor(height / size);
  const columns = Math.floor(width / size);
  const whole = slice(x, [
    { axis: 2, start: 0, end: rows * size },
    { axis: 3, start: 0, end: columns * size },
  ]);
  const attributes = { kernel_shape: [size, size], strides: [size, size] };
  return appendOne(op, [whole], attributes, x.dtype, [numImages, channels, rows, columns]);
}

/**
 * The mean of each `size`×`size` window. Windows lie side by side; a remainder at the border is left out.
 * @param x - [N, C, H, W]
 * @returns [N, C, ⌊H/size⌋, ⌊W/size⌋]
 */
export const averagePool = (x: Tensor, size: number): Tensor => pool(AveragePool, x, size);

/** The maximum of each `size`×`size` window, as in `averagePool`. If several pixels are largest, they share the gradient. */
export const maxPool = (x: Tensor, size: number): Tensor => pool(MaxPool, x, size);

const Resize: Operator = {
  name: "Resize",
  constantInputs: ({ size }) => [undefined, tensorData("float32", [4], [1, 1, size as number, size as number])],
  onnxAttributes: () => ({ mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }),
  vjp: ({ attributes }, [gradient]) => {
    const size = attributes["size"] as number;
    return [mul(averagePool(gradient!, size), size ** 2)];
  },
};

/** Nearest-neighbor upsampling: [N, C, H, W] to [N, C, H·size, W·size]. */
export function upsample(x: Tensor, size: number): Tensor {
  const [numImages, channels, height, width] = x.shape as [number, number, number, number];
  if (x.shape.length !== 4) throw shapeError("upsample", "expects [N, C, H, W]", x.shape);
  return appendOne(Resize, [x], { size }, x.dtype, [numImages, channels, height * size, width * size]);
}
