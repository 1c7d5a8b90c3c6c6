import type { Tensor, TensorFlow } from "./load-tensorflow.ts";

/** Describes which elements of a tensor's data a result consists of. */
export interface View {
  readonly shape: readonly number[];
  /** The distance of neighboring elements along each axis. 0 repeats an element; negative strides mirror. */
  readonly strides: readonly number[];
  /** Position of the first element. */
  readonly offset: number;
}

/** Whether tensors are plain arrays. Then `copyView` is faster than tfjs, which computes every index from scratch. */
export function isPlain(tf: TensorFlow): boolean {
  return tf.getBackend() === "cpu";
}

/** The strides of a tensor in row-major order. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** Copies the elements of a view, on the backend with plain arrays. */
export function copyView(tf: TensorFlow, x: Tensor, view: View): Tensor {
  const data = x.dataSync() as Float32Array | Int32Array | Uint8Array;
  const size = view.shape.reduce((product, extent) => product * extent, 1);
  const copy = new (data.constructor as Float32ArrayConstructor)(size);
  copyAxes(data as Float32Array, copy, view);
  return tf.tensor(copy, [...view.shape], x.dtype);
}

function copyAxes(from: Float32Array, to: Float32Array, { shape, strides, offset }: View): void {
  const last = shape.length - 1;
  const columns = shape[last] ?? 1;
  const step = strides[last] ?? 1;
  const index = shape.map(() => 0);
  let start = offset;
  let position = 0;
  while (position < to.length) {
    for (let column = 0; column < columns; column++) to[position++] = from[start + column * step]!;
    for (let axis = last - 1; axis >= 0; axis--) {
      index[axis]!++;
      start += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      start -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
}

/** Reorders axes: axis i of the result is axis `order[i]` of `x`. */
export function transposed(tf: TensorFlow, x: Tensor, order: readonly number[]): Tensor {
  if (!isPlain(tf)) return tf.transpose(x, [...order]);
  const strides = stridesOf(x.shape);
  const shape = order.map((axis) => x.shape[axis]!);
  return copyView(tf, x, { shape, strides: order.map((axis) => strides[axis]!), offset: 0 });
}
