import { shapeError, type Tensor } from "./graph.ts";
import type { Shape } from "./tensor.ts";

/**
 * The common shape of two operands under NumPy's broadcasting rules.
 * @throws Cifar5mError `engine/wrong-shape` when two extents differ and neither is 1
 */
export function broadcastShapes(operation: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) throw shapeError(operation, "shapes must broadcast", a, b);
    return left === 1 ? right : left;
  });
}

/** Turns negative axes into non-negative ones and sorts them in ascending order. */
export function normalizeAxes(axes: readonly number[], rank: number): number[] {
  const normalized = axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
  if (normalized.some((axis) => axis < 0 || axis >= rank)) {
    throw shapeError("axes", `each must lie in [-${rank}, ${rank})`, axes);
  }
  return normalized;
}

/** @throws Cifar5mError `engine/wrong-shape` unless all tensors have the same type */
export function requireSameType(operation: string, tensors: readonly Tensor[]): void {
  const types = [...new Set(tensors.map(({ dtype }) => dtype))];
  if (types.length <= 1) return;
  throw shapeError(`${operation} of ${types.join(" and ")}`, "types must agree", ...tensors.map(({ shape }) => shape));
}
