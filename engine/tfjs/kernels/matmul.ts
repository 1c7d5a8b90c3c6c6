import { sizeOf } from "../../graph/tensor.ts";
import { type Kernels, outputShape, single } from "../kernel.ts";
import type { Tensor, TensorFlow } from "../load-tensorflow.ts";

export const matmulKernels: Kernels = {
  MatMul: single((tf, [a, b], node) => {
    const shape = outputShape(node);
    const [rows, columns] = shape.slice(-2) as [number, number];
    const inner = a!.shape.at(-1)!;
    if (b!.rank === 2) return tf.reshape(tf.matMul(tf.reshape(a!, [-1, inner]), b!), shape);
    // tfjs does not broadcast each axis separately.
    const batch = shape.slice(0, -2);
    const left = batched(tf, a!, batch, [rows, inner]);
    const right = batched(tf, b!, batch, [inner, columns]);
    return tf.reshape(tf.matMul(left, right), shape);
  }),
};

function batched(tf: TensorFlow, x: Tensor, batch: number[], matrix: [number, number]): Tensor {
  const whole = sizeOf(x.shape) === sizeOf([...batch, ...matrix]) ? x : tf.broadcastTo(x, [...batch, ...matrix]);
  return tf.reshape(whole, [-1, ...matrix]);
}
