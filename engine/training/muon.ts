import type { Tensor } from "../graph/graph.ts";
import { type Shape, sizeOf, tensorData } from "../graph/tensor.ts";
import { sum } from "../ops/broadcast.ts";
import { concat, split } from "../ops/concat.ts";
import { add, div, mul, sqrt, sub } from "../ops/elementwise.ts";
import { matmul, swapLastTwo } from "../ops/matmul.ts";
import { reshape } from "../ops/reshape.ts";
import type { ParameterSpec } from "../parameters/parameters.ts";
import { adamw, type Optimizer, type OptimizerStep } from "./optimizers.ts";

/** Coefficients of one Newton–Schulz iteration: each singular value s becomes a·s + b·s³ + c·s⁵ (Jordan et al. 2024). */
export const newtonSchulz = { a: 3.4445, b: -4.775, c: 2.0315, iterations: 5 } as const;

/** Root mean square of AdamW's updates. Muon's updates are scaled to it, so that one learning rate suits both. */
const updateRms = 0.2;

export interface MuonOptions {
  /** Which parameters of rank 2 or 4 to orthogonalize; all by default. First and last layers train better without. */
  readonly isHidden?: (spec: ParameterSpec) => boolean;
  readonly momentum?: number;
  /** Decoupled weight decay of the matrices, and of the others unless `rest` is given. */
  readonly weightDecay?: number;
  /** Factor on the learning rate of the matrices; 1 by default. */
  readonly learningRateScale?: number;
  /** The optimizer of all other parameters; AdamW by default. */
  readonly rest?: Optimizer;
}

/**
 * Muon: gradient descent with momentum, where each momentum matrix is replaced by about the nearest orthogonal matrix. A step
 * therefore moves a layer by the same amount in every direction. Convolution filters [O, I, h, w] count as matrices
 * [O, I·h·w].
 * @see Jordan et al. 2024, "Muon: An optimizer for hidden layers". Updates have the scale 0.2 · √max(rows, columns) of
 *   Liu et al. 2025, arXiv:2502.16982, section 2.2.
 */
export function muon(options: MuonOptions = {}): Optimizer {
  const { isHidden = () => true, momentum = 0.95, weightDecay = 0, learningRateScale = 1 } = options;
  const { rest = adamw({ weightDecay }) } = options;
  const isMatrix = (spec: ParameterSpec) => [2, 4].includes(spec.shape.length) && isHidden(spec);
  return {
    // For matrices, the first slot holds momentum and the others are unused. For other parameters, slots belong to `rest`.
    numSlots: Math.max(1, rest.numSlots),
    update: (step) => {
      const { specs } = step;
      const matrices = specs.filter(isMatrix);
      const others = specs.filter((spec) => !isMatrix(spec));
      const restSlots = (slots: readonly Tensor[]) => slots.slice(0, rest.numSlots);
      if (matrices.length === 0) {
        return withSlots(rest.update({ ...step, slots: restSlots(step.slots) }), step.slots);
      }
      const part = (vector: Tensor, chosen: readonly ParameterSpec[]) => pick(vector, specs, chosen);
      const moved = moveMatrices(stepOf(step, matrices, part), { momentum, weightDecay, learningRateScale });
      if (others.length === 0) return { parameters: moved.parameters, slots: [moved.momentum, ...step.slots.slice(1)] };
      const restStep = stepOf(step, others, part);
      const restMoved = rest.update({ ...restStep, slots: restSlots(restStep.slots) });
      const join = (left: Tensor, right: Tensor) => merge(specs, [matrices, left], [others, right]);
      const slots = step.slots.map((slot, index) => {
        const untouched = part(slot, matrices);
        return join(index === 0 ? moved.momentum : untouched, restMoved.slots[index] ?? part(slot, others));
      });
      return { parameters: join(moved.parameters, restMoved.parameters), slots };
    },
  };
}

function withSlots(moved: ReturnType<Optimizer["update"]>, slots: readonly Tensor[]): ReturnType<Optimizer["update"]> {
  return { ...moved, slots: slots.map((slot, index) => moved.slots[index] ?? slot) };
}

/** One step for matrices that are stored one after the other in vectors. */
function moveMatrices(
  step: OptimizerStep,
  { momentum, weightDecay, learningRateScale }: Required<Omit<MuonOptions, "isHidden" | "rest">>,
): { readonly parameters: Tensor; readonly momentum: Tensor } {
  const { parameters, gradient, gradientScale, slots, decayMask, specs, roundsProducts = false } = step;
  const learningRate = mul(step.learningRate, learningRateScale);
  const scaled = gradientScale === undefined ? gradient : mul(gradient, gradientScale);
  const velocity = add(mul(slots[0]!, momentum), scaled);
  const direction = orthogonalizeAll(add(scaled, mul(velocity, momentum)), specs, roundsProducts);
  const moved = sub(parameters, mul(direction, learningRate));
  const shrink = () => mul(mul(parameters, decayMask), mul(learningRate, weightDecay));
  return { parameters: weightDecay === 0 ? moved : sub(moved, shrink()), momentum: velocity };
}

/** Orthogonalizes and scales each matrix of a vector. Matrices of equal shape go through the iterations together. */
function orthogonalizeAll(vector: Tensor, specs: readonly ParameterSpec[], roundsProducts: boolean): Tensor {
  const parts = splitByParameter(vector, specs);
  const groups = new Map<string, ParameterSpec[]>();
  for (const spec of specs) {
    const key = matrixShape(spec.shape).join("×");
    groups.set(key, [...(groups.get(key) ?? []), spec]);
  }
  const results = new Map<ParameterSpec, Tensor>();
  for (const group of groups.values()) {
    const [rows, columns] = matrixShape(group[0]!.shape);
    const stacked = concat(
      group.map((spec) => reshape(parts.get(spec)!, [1, rows, columns])),
      0,
    );
    const orthogonal = mul(orthogonalize(stacked, roundsProducts), updateRms * Math.sqrt(Math.max(rows, columns)));
    split(orthogonal, new Array<number>(group.length).fill(1), 0).forEach((matrix, index) => {
      results.set(group[index]!, reshape(matrix, [-1]));
    });
  }
  return concat(
    specs.map((spec) => results.get(spec)!),
    0,
  );
}

/** The rows are the outputs of filters [O, I, h, w], but the inputs of linear layers [I, O]. The result is the same. */
function matrixShape([first, ...others]: Shape): readonly [number, number] {
  return [first!, sizeOf(others)];
}

/**
 * Computes U·p(S)·Vᵀ for matrices U·S·Vᵀ, where p stands for five Newton–Schulz iterations. It maps singular values
 * between 1% and 100% of the matrix's Frobenius norm to values between 0.68 and 1.14. Each iteration multiplies the matrix
 * by a polynomial of its Gram matrix X·Xᵀ. The next Gram matrix follows from the current one, so the iterations multiply
 * square matrices only.
 * @param x - [B, rows, columns]
 * @param roundsProducts - whether products are rounded to 10 bits. A Gram matrix has the squares of the singular values, of
 *   which the small ones are lost then. So the Gram matrix is computed anew after three iterations, which have made them larger.
 * @returns [B, rows, columns]
 */
export function orthogonalize(x: Tensor, roundsProducts = false): Tensor {
  const [, rows, columns] = x.shape as [number, number, number];
  if (rows > columns) return swapLastTwo(orthogonalize(swapLastTwo(x), roundsProducts));
  const { a, b, c, iterations } = newtonSchulz;
  const restart = roundsProducts ? 3 : iterations;
  const identity = x.graph.constant(
    tensorData(
      x.dtype,
      [rows, rows],
      Array.from({ length: rows * rows }, (_, index) => Number(index % (rows + 1) === 0)),
    ),
  );
  const norm = sqrt(sum(mul(x, x), { axes: [1, 2], keepDims: true }));
  let result = div(x, add(norm, 1e-7));
  let gram = matmul(result, swapLastTwo(result));
  let factor: Tensor | undefined;
  for (let iteration = 1; iteration <= iterations; iteration++) {
    const polynomial = add(add(mul(gram, b), mul(matmul(gram, gram), c)), mul(identity, a));
    factor = factor === undefined ? polynomial : matmul(polynomial, factor);
    if (iteration === iterations) break;
    if (iteration === restart) {
      result = matmul(factor, result);
      gram = matmul(result, swapLastTwo(result));
      factor = undefined;
    } else gram = matmul(matmul(polynomial, gram), polynomial);
  }
  return matmul(factor!, result);
}

/** The part of a step that concerns some of the parameters. */
function stepOf(
  step: OptimizerStep,
  chosen: readonly ParameterSpec[],
  part: (vector: Tensor, chosen: readonly ParameterSpec[]) => Tensor,
): OptimizerStep {
  const perParameter = (values: Tensor) => (values.shape.length === 0 ? values : part(values, chosen));
  return {
    ...step,
    specs: chosen,
    parameters: part(step.parameters, chosen),
    gradient: part(step.gradient, chosen),
    slots: step.slots.map((slot) => part(slot, chosen)),
    learningRate: perParameter(step.learningRate),
    decayMask: perParameter(step.decayMask),
  };
}

function splitByParameter(vector: Tensor, specs: readonly ParameterSpec[]): Map<ParameterSpec, Tensor> {
  const parts = split(
    vector,
    specs.map(({ shape }) => sizeOf(shape)),
    0,
  );
  return new Map(specs.map((spec, index) => [spec, parts[index]!]));
}

/** The elements of a vector that belong to the chosen parameters. */
function pick(vector: Tensor, specs: readonly ParameterSpec[], chosen: readonly ParameterSpec[]): Tensor {
  const parts = splitByParameter(vector, specs);
  return concat(
    chosen.map((spec) => parts.get(spec)!),
    0,
  );
}

/** The inverse of `pick`: joins the vectors of disjoint sets of parameters. */
function merge(
  specs: readonly ParameterSpec[],
  ...picked: readonly (readonly [readonly ParameterSpec[], Tensor])[]
): Tensor {
  const parts = new Map(picked.flatMap(([chosen, vector]) => [...splitByParameter(vector, chosen)]));
  return concat(
    specs.map((spec) => parts.get(spec)!),
    0,
  );
}
