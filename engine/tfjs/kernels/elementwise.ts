import { type Kernel, type Kernels, single } from "../kernel.ts";
import type { Tensor, TensorFlow } from "../load-tensorflow.ts";
import { tfType } from "../values.ts";

function unary(compute: (tf: TensorFlow, x: Tensor) => Tensor): Kernel {
  return single((tf, [x]) => compute(tf, x!));
}

function binary(compute: (tf: TensorFlow, a: Tensor, b: Tensor) => Tensor): Kernel {
  return single((tf, [a, b]) => compute(tf, a!, b!));
}

export const elementwiseKernels: Kernels = {
  Add: binary((tf, a, b) => tf.add(a, b)),
  Sub: binary((tf, a, b) => tf.sub(a, b)),
  Mul: binary((tf, a, b) => tf.mul(a, b)),
  Div: binary((tf, a, b) => tf.div(a, b)),
  Pow: binary((tf, a, b) => tf.pow(a, b)),
  Max: binary((tf, a, b) => tf.maximum(a, b)),
  Min: binary((tf, a, b) => tf.minimum(a, b)),
  Equal: binary((tf, a, b) => tf.equal(a, b)),
  Less: binary((tf, a, b) => tf.less(a, b)),
  Greater: binary((tf, a, b) => tf.greater(a, b)),
  Neg: unary((tf, x) => tf.neg(x)),
  Exp: unary((tf, x) => tf.exp(x)),
  Log: unary((tf, x) => tf.log(x)),
  Sqrt: unary((tf, x) => tf.sqrt(x)),
  Reciprocal: unary((tf, x) => tf.reciprocal(x)),
  Abs: unary((tf, x) => tf.abs(x)),
  Sin: unary((tf, x) => tf.sin(x)),
  Cos: unary((tf, x) => tf.cos(x)),
  Tanh: unary((tf, x) => tf.tanh(x)),
  Sigmoid: unary((tf, x) => tf.sigmoid(x)),
  Erf: unary((tf, x) => tf.erf(x)),
  Relu: unary((tf, x) => tf.relu(x)),
  Sign: unary((tf, x) => tf.sign(x)),
  Floor: unary((tf, x) => tf.floor(x)),
  Round: unary((tf, x) => tf.round(x)),
  Identity: unary((_tf, x) => x.clone()),
  Where: single((tf, [condition, a, b]) => tf.where(condition!, a!, b!)),
  Cast: single((tf, [x], { outputs: [output] }) => {
    const dtype = output!.dtype;
    const converted = tf.cast(x!, tfType(dtype));
    return dtype === "uint8" ? tf.mod(converted, tf.scalar(256, "int32")) : converted;
  }),
};
