import { Cifar5mError } from "../../core/errors.ts";
import { appendOne, type Operator, shapeError, type Tensor } from "../graph/graph.ts";
import { broadcastShapes, requireSameType } from "../graph/shapes.ts";
import type { DType } from "../graph/tensor.ts";
import { onnxTypes } from "../onnx/onnx-types.ts";
import { sumTo } from "./broadcast.ts";

/** A tensor, or a number that becomes a constant of the other operand's type. */
export type Operand = Tensor | number;

/** A scalar constant in the graph of another tensor. */
export function scalarLike(tensor: Tensor, value: number, dtype: DType = tensor.dtype): Tensor {
  return tensor.graph.scalar(dtype, value);
}

/** @throws Cifar5mError `engine/no-operand` for two numbers */
function tensors(a: Operand, b: Operand): [Tensor, Tensor] {
  if (typeof a !== "number") return [a, typeof b === "number" ? scalarLike(a, b) : b];
  if (typeof b !== "number") return [scalarLike(b, a), b];
  throw new Cifar5mError(
    "engine/no-operand",
    `an operation needs a tensor, got the numbers ${a} and ${b}. Give it one.`,
  );
}

function binary(op: Operator, a: Operand, b: Operand, dtype?: DType): Tensor {
  const [left, right] = tensors(a, b);
  requireSameType(op.name, [left, right]);
  const shape = broadcastShapes(op.name, left.shape, right.shape);
  return appendOne(op, [left, right], {}, dtype ?? left.dtype, shape);
}

/** Computes the gradients of two operands from the gradient of the result. */
type BinaryRule = (a: Tensor, b: Tensor, gradient: Tensor, result: Tensor) => readonly [Tensor, Tensor];

function binaryOperator(name: string, rule: BinaryRule): Operator {
  return {
    name,
    vjp: ({ inputs: [a, b], outputs: [result] }, [gradient]) => {
      const [gradientA, gradientB] = rule(a!, b!, gradient!, result!);
      return [sumTo(gradientA, a!.shape), sumTo(gradientB, b!.shape)];
    },
  };
}

function unaryOperator(name: string, rule: (x: Tensor, gradient: Tensor, result: Tensor) => Tensor): Operator {
  return {
    name,
    vjp: ({ inputs: [x], outputs: [result] }, [gradient]) => [rule(x!, gradient!, result!)],
  };
}

function unary(op: Operator, x: Tensor): Tensor {
  return appendOne(op, [x], {}, x.dtype, x.shape);
}

const Add = binaryOperator("Add", (_a, _b, g) => [g, g]);
const Sub = binaryOperator("Sub", (_a, _b, g) => [g, neg(g)]);
const Mul = binaryOperator("Mul", (a, b, g) => [mul(g, b), mul(g, a)]);
const Div = binaryOperator("Div", (_a, b, g, result) => {
  const quotient = div(g, b);
  return [quotient, neg(mul(quotient, result))];
});
const Pow = binaryOperator("Pow", (a, b, g, result) => [
  mul(g, mul(b, pow(a, sub(b, 1)))),
  mul(g, mul(result, log(a))),
]);
const Max = binaryOperator("Max", (a, b, g) => selectGradients(greater(a, b), g));
const Min = binaryOperator("Min", (a, b, g) => selectGradients(less(a, b), g));

function selectGradients(first: Tensor, gradient: Tensor): [Tensor, Tensor] {
  return [where(first, gradient, 0), where(first, 0, gradient)];
}

/** a + b. Like all operations of two operands here: of one type, broadcast to a common shape; a number takes the other's type. */
export const add = (a: Operand, b: Operand): Tensor => binary(Add, a, b);
/** a − b. */
export const sub = (a: Operand, b: Operand): Tensor => binary(Sub, a, b);
/** a · b. */
export const mul = (a: Operand, b: Operand): Tensor => binary(Mul, a, b);
/** a / b. */
export const div = (a: Operand, b: Operand): Tensor => binary(Div, a, b);
/** `a` to the power `b`. The gradient for `b` needs `a` > 0. */
export const pow = (a: Operand, b: Operand): Tensor => binary(Pow, a, b);
/** The larger operand. If both are equal, the gradient goes to `b`. */
export const maximum = (a: Operand, b: Operand): Tensor => binary(Max, a, b);
/** The smaller operand. If both are equal, the gradient goes to `b`. */
export const minimum = (a: Operand, b: Operand): Tensor => binary(Min, a, b);

/** Whether a = b, as bool. */
export const equal = (a: Operand, b: Operand): Tensor => binary({ name: "Equal" }, a, b, "bool");
/** Whether a < b, as bool. */
export const less = (a: Operand, b: Operand): Tensor => binary({ name: "Less" }, a, b, "bool");
/** Whether a > b, as bool. */
export const greater = (a: Operand, b: Operand): Tensor => binary({ name: "Greater" }, a, b, "bool");

const Neg = unaryOperator("Neg", (_x, g) => neg(g));
const Exp = unaryOperator("Exp", (_x, g, result) => mul(g, result));
const Log = unaryOperator("Log", (x, g) => div(g, x));
const Sqrt = unaryOperator("Sqrt", (_x, g, result) => div(mul(g, 0.5), result));
const Reciprocal = unaryOperator("Reciprocal", (_x, g, result) => neg(mul(g, mul(result, result))));
const Abs = unaryOperator("Abs", (x, g) => mul(g, sign(x)));
const Sin = unaryOperator("Sin", (x, g) => mul(g, cos(x)));
const Cos = unaryOperator("Cos", (x, g) => neg(mul(g, sin(x))));
const Tanh = unaryOperator("Tanh", (_x, g, result) => mul(g, sub(1, mul(result, result))));
const Sigmoid = unaryOperator("Sigmoid", (_x, g, result) => mul(g, mul(result, sub(1, result))));
const Erf = unaryOperator("Erf", (x, g) => mul(g, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI))));
const Relu = unaryOperator("Relu", (_x, g, result) => mul(g, cast(greater(result, 0), g.dtype)));

/** −x. Like all operations of one operand here, it keeps shape and type. */
export const neg = (x: Tensor): Tensor => unary(Neg, x);
/** e to the power x. */
export const exp = (x: Tensor): Tensor => unary(Exp, x);
/** Natural logarithm. */
export const log = (x: Tensor): Tensor => unary(Log, x);
/** The square root. */
export const sqrt = (x: Tensor): Tensor => unary(Sqrt, x);
/** 1 / x. */
export const reciprocal = (x: Tensor): Tensor => unary(Reciprocal, x);
/** The absolute value. At 0 the gradient is 0. */
export const abs = (x: Tensor): Tensor => unary(Abs, x);
/** The sine of an angle in radians. */
export const sin = (x: Tensor): Tensor => unary(Sin, x);
/** The cosine of an angle in radians. */
export const cos = (x: Tensor): Tensor => unary(Cos, x);
/** The hyperbolic tangent. */
export const tanh = (x: Tensor): Tensor => unary(Tanh, x);
/** 1 / (1 + e^−x). */
export const sigmoid = (x: Tensor): Tensor => unary(Sigmoid, x);
/** The error function. */
export const erf = (x: Tensor): Tensor => unary(Erf, x);
/** The larger of x and 0. At 0 the gradient is 0. */
export const relu = (x: Tensor): Tensor => unary(Relu, x);
/** −1, 0 or 1. It stops gradients. */
export const sign = (x: Tensor): Tensor => unary({ name: "Sign", stopsGradient: true }, x);
/** The largest integer that is not larger. It stops gradients. */
export const floor = (x: Tensor): Tensor => unary({ name: "Floor", stopsGradient: true }, x);
/** Rounds to the nearest integer; ties go to the even one. It stops gradients. */
export const round = (x: Tensor): Tensor => unary({ name: "Round", stopsGradient: true }, x);
/** The same value, without gradient. */
export const stopGradient = (x: Tensor): Tensor => unary({ name: "Identity", stopsGradient: true }, x);

const Where: Operator = {
  name: "Where",
  vjp: ({ inputs: [condition, a, b] }, [gradient]) => {
    const [gradientA, gradientB] = selectGradients(condition!, gradient!);
    return [undefined, sumTo(gradientA, a!.shape), sumTo(gradientB, b!.shape)];
  },
};

/**
 * Elements of `a` where the condition (bool) is true, and elements of `b` elsewhere. All three broadcast.
 * @throws Cifar5mError `engine/wrong-shape` for a condition that is not bool, types that differ, or other shapes
 */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const [left, right] = tensors(a, b);
  if (condition.dtype !== "bool") {
    throw shapeError(`Where by ${condition.dtype}`, "the condition must be bool", condition.shape);
  }
  requireSameType("Where", [left, right]);
  const shape = broadcastShapes("Where", condition.shape, broadcastShapes("Where", left.shape, right.shape));
  return appendOne(Where, [condition, left, right], {}, left.dtype, shape);
}

const Cast: Operator = {
  name: "Cast",
  onnxAttributes: (attributes) => ({ to: onnxTypes[attributes["to"] as DType] }),
  vjp: ({ inputs: [x] }, [gradient]) => [cast(gradient!, x!.dtype)],
};

/** The same numbers in another type. Floats become integers by truncation toward zero. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : appendOne(Cast, [x], { to: dtype }, dtype, x.shape);
}
