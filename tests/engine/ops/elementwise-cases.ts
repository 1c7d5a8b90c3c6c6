import * as ops from "../../../engine/ops/elementwise.ts";
import { fixed, type OpCase, tf } from "./op-case.ts";

const positive = [0.3, 2.5] as const;

export const elementwiseCases: readonly OpCase[] = [
  {
    name: "add, broadcasting a vector",
    shapes: [[2, 3], [3]],
    build: (a, b) => ops.add(a!, b!),
    reference: (a, b) => tf.add(a!, b!),
  },
  {
    name: "sub, broadcasting both ways",
    shapes: [
      [2, 1, 3],
      [4, 1],
    ],
    build: (a, b) => ops.sub(a!, b!),
    reference: (a, b) => tf.sub(a!, b!),
  },
  {
    name: "mul, broadcasting a scalar",
    shapes: [[2, 3], []],
    build: (a, b) => ops.mul(a!, b!),
    reference: (a, b) => tf.mul(a!, b!),
    second: true,
  },
  {
    name: "div, broadcasting the divided",
    shapes: [
      [1, 3],
      [2, 3],
    ],
    range: positive,
    build: (a, b) => ops.div(a!, b!),
    reference: (a, b) => tf.div(a!, b!),
    second: true,
  },
  {
    name: "pow",
    shapes: [[2, 3], [3]],
    range: positive,
    build: (a, b) => ops.pow(a!, b!),
    reference: (a, b) => tf.pow(a!, b!),
    second: true,
  },
  {
    name: "maximum",
    shapes: [[2, 3], [3]],
    build: (a, b) => ops.maximum(a!, b!),
    reference: (a, b) => tf.maximum(a!, tf.broadcastTo(b!, [2, 3])),
  },
  {
    name: "minimum",
    shapes: [[2, 3], [3]],
    build: (a, b) => ops.minimum(a!, b!),
    reference: (a, b) => tf.minimum(a!, tf.broadcastTo(b!, [2, 3])),
  },
  unary("neg", ops.neg, tf.neg),
  unary("exp", ops.exp, tf.exp, { second: true }),
  unary("log", ops.log, tf.log, { range: positive, second: true }),
  unary("sqrt", ops.sqrt, tf.sqrt, { range: positive, second: true }),
  unary("reciprocal", ops.reciprocal, tf.reciprocal, { range: positive, second: true }),
  unary("abs", ops.abs, tf.abs),
  unary("sin", ops.sin, tf.sin, { second: true }),
  unary("cos", ops.cos, tf.cos, { second: true }),
  unary("tanh", ops.tanh, tf.tanh, { second: true }),
  unary("sigmoid", ops.sigmoid, tf.sigmoid, { second: true }),
  unary("erf", ops.erf, tf.erf, { float32Only: true }),
  unary("relu", ops.relu, tf.relu),
  {
    name: "sign, which stops gradients",
    shapes: [[2, 3]],
    build: (x) => ops.mul(x!, ops.sign(x!)),
    reference: (x) => tf.mul(x!, tf.sign(x!)),
  },
  {
    name: "floor, which stops gradients",
    shapes: [[2, 3]],
    build: (x) => ops.mul(x!, ops.floor(x!)),
    reference: (x) => tf.mul(x!, tf.floor(x!)),
  },
  {
    name: "round, which stops gradients",
    shapes: [[2, 3]],
    build: (x) => ops.mul(x!, ops.round(x!)),
    reference: (x) => tf.mul(x!, tf.round(x!)),
  },
  {
    name: "stopGradient",
    shapes: [[2, 3]],
    build: (x) => ops.mul(x!, ops.stopGradient(x!)),
    reference: (x) => tf.mul(x!, fixed(x!)),
    stopsGradients: true,
  },
  {
    name: "where, greater and broadcasting",
    shapes: [[2, 3], [3], [2, 1]],
    build: (x, a, b) => ops.where(ops.greater(x!, 0), ops.mul(a!, x!), b!),
    reference: (x, a, b) => tf.where(fixed(tf.greater(x!, 0)), tf.mul(a!, x!), tf.broadcastTo(b!, [2, 3])),
  },
  {
    name: "less, cast of bool",
    shapes: [[2, 3], [3]],
    build: (a, b) => ops.add(ops.mul(a!, ops.cast(ops.less(a!, b!), a!.dtype)), b!),
    reference: (a, b) => tf.add(tf.mul(a!, tf.cast(fixed(tf.less(a!, b!)), "float32")), b!),
  },
  {
    name: "equal, cast to integers and back",
    shapes: [[2, 3]],
    build: (x) => {
      const whole = ops.cast(ops.mul(x!, 1.7), "int64");
      const isOne = ops.cast(ops.equal(whole, 1), x!.dtype);
      return ops.mul(x!, ops.add(isOne, ops.cast(whole, x!.dtype)));
    },
    reference: (x) => {
      const whole = fixed(tf.cast(tf.mul(x!, 1.7), "int32"));
      return tf.mul(x!, tf.add(tf.cast(tf.equal(whole, tf.scalar(1, "int32")), "float32"), tf.cast(whole, "float32")));
    },
  },
];

function unary(
  name: string,
  build: (x: Parameters<OpCase["build"]>[0]) => ReturnType<OpCase["build"]>,
  reference: (x: Parameters<OpCase["reference"]>[0]) => ReturnType<OpCase["reference"]>,
  rest: Partial<OpCase> = {},
): OpCase {
  return { name, shapes: [[2, 5]], build: (x) => build(x!), reference: (x) => reference(x!), ...rest };
}
