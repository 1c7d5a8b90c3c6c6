import type { Tensor } from "../graph/graph.ts";
import { add } from "../ops/elementwise.ts";
import { activated, scaled, shifted } from "./hwnc-images.ts";
import type { HwncRule, HwncRules, HwncValues } from "./hwnc-values.ts";

const mapElements: HwncRule<"Sigmoid" | "Relu" | "Tanh" | "Erf" | "Exp" | "Neg" | "Abs" | "Sqrt"> = (
  { op, inputs, attributes },
  values,
) => {
  const [first] = inputs as [Tensor];
  if (values.imagesOf(first) === undefined) return undefined;
  const { dtype, shape } = values.applied(first);
  return { images: { tensor: values.to.append(op, [values.applied(first)], attributes, [{ dtype, shape }])[0]! } };
};

/** A sum, difference, product or quotient of images with images, or with a value per channel. */
const combine: HwncRule<"Add" | "Sub" | "Mul" | "Div"> = ({ op, inputs, outputs, attributes }, values) => {
  const [a, b] = inputs as [Tensor, Tensor];
  const [x, y] = [values.imagesOf(a), values.imagesOf(b)];
  if (x === undefined && y === undefined) return undefined;
  const keepsShape = a.shape.join() === outputs[0]!.shape.join();
  if (x !== undefined && y === undefined && keepsShape && (op.name === "Mul" || op.name === "Add")) {
    const perChannel = values.perChannel(b);
    if (perChannel !== undefined) return { images: (op.name === "Mul" ? scaled : shifted)(x, perChannel) };
  }
  // The summands of both operands stay unapplied.
  if (op.name === "Add" && x !== undefined && y !== undefined && x.slope === undefined && y.slope === undefined) {
    const tensor = add(x.tensor, y.tensor);
    const parts = [x, y].flatMap(({ intercept }) => intercept ?? []);
    return { images: { tensor, intercept: parts.length === 2 ? add(parts[0]!, parts[1]!) : parts[0] } };
  }
  const operands = [a, b].map((old) =>
    old.shape.length === 4 ? (values.perChannel(old) ?? values.applied(old)) : values.scalar(old),
  );
  if (operands.some((operand) => operand === undefined)) return undefined;
  const [left, right] = operands as [Tensor, Tensor];
  const shape = left.shape.map((extent, axis) => Math.max(extent, right.shape[axis]!));
  return { images: { tensor: values.to.append(op, [left, right], attributes, [{ dtype: a.dtype, shape }])[0]! } };
};

/** The result of `stopGradient` or `customVjp`. */
const keepRule: HwncRule<"Identity"> = ({ op, inputs, outputs }, values) => {
  const [value] = inputs as [Tensor];
  const images = values.imagesOf(value);
  if (images === undefined) return undefined;
  if (op.rule === "algebraic") return { images };
  const origin = isSilu(inputs, values) ? values.originOf(inputs[1]!) : undefined;
  if (origin !== undefined) return { images: { tensor: activated(values.applied(inputs[1]!), origin) } };
  const keepsLayout = op.stopsGradient || op.rule === "elementwise";
  if (!keepsLayout || inputs.some(({ shape }) => shape.join() !== value.shape.join())) return undefined;
  const operands = inputs.map((input) => values.applied(input));
  const declared = outputs.map(({ dtype }) => ({ dtype, shape: operands[0]!.shape }));
  return { images: { tensor: values.to.append(op, operands, {}, declared)[0]! } };
};

/** Whether the operands of a value with a gradient rule are those of `silu`, x times sigmoid(x). */
function isSilu([value, x, gate]: readonly Tensor[], { from }: HwncValues): boolean {
  const [product, sigmoid] = [value, gate].map((tensor) => tensor && from.producerOf(tensor));
  return (
    product?.op.name === "Mul" &&
    sigmoid?.op.name === "Sigmoid" &&
    product.inputs.map(({ name }) => name).join() === `${x!.name},${gate!.name}` &&
    sigmoid.inputs[0]!.name === x!.name
  );
}

/** Rules for operations that treat each element separately. */
export const elementwiseRules = {
  Identity: keepRule,
  Add: combine,
  Sub: combine,
  Mul: combine,
  Div: combine,
  Sigmoid: mapElements,
  Relu: mapElements,
  Tanh: mapElements,
  Erf: mapElements,
  Exp: mapElements,
  Neg: mapElements,
  Abs: mapElements,
  Sqrt: mapElements,
} satisfies HwncRules;
