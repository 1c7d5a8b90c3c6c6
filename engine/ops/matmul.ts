import { appendOne, type Operator, shapeError, type Tensor } from "../graph/graph.ts";
import { broadcastShapes, requireSameType } from "../graph/shapes.ts";
import { sumTo } from "./broadcast.ts";
import { reshape, transpose } from "./reshape.ts";

/** Exchanges the last two axes. */
export function swapLastTwo(x: Tensor): Tensor {
  const rank = x.shape.length;
  const order = x.shape.map((_, axis) => axis);
  return transpose(x, [...order.slice(0, rank - 2), rank - 1, rank - 2]);
}

const MatMul: Operator = {
  name: "MatMul",
  vjp: ({ inputs: [a, b] }, [gradient]) => [
    sumTo(matmul(gradient!, swapLastTwo(b!)), a!.shape),
    // One large product over all rows. The other formula would compute and then add a matrix for each leading index.
    b!.shape.length === 2
      ? matmul(swapLastTwo(asRows(a!)), asRows(gradient!))
      : sumTo(matmul(swapLastTwo(a!), gradient!), b!.shape),
  ],
};

function asRows(x: Tensor): Tensor {
  return reshape(x, [-1, x.shape.at(-1)!]);
}

/**
 * Matrix product over the last two axes, [.., M, K] by [.., K, N]. Leading axes broadcast; both need rank 2 or more.
 * @throws Cifar5mError `engine/wrong-shape` for other shapes, or types that differ
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  const [rows, inner] = a.shape.slice(-2);
  const [innerB, columns] = b.shape.slice(-2);
  if (a.shape.length < 2 || b.shape.length < 2 || inner !== innerB) {
    throw shapeError("matmul", "inner extents must agree and ranks must be 2 or more", a.shape, b.shape);
  }
  requireSameType("matmul", [a, b]);
  const batch = broadcastShapes("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2));
  return appendOne(MatMul, [a, b], {}, a.dtype, [...batch, rows!, columns!]);
}
