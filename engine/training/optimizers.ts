import type { Tensor } from "../graph/graph.ts";
import { sum } from "../ops/broadcast.ts";
import { add, div, minimum, mul, type Operand, pow, sqrt, sub } from "../ops/elementwise.ts";
import type { ParameterSpec } from "../parameters/parameters.ts";

/** The inputs of one optimizer step. Vectors have shape [P]: they hold all parameters of a network one after the other. */
export interface OptimizerStep {
  /** The parameters in the order of the vectors. */
  readonly specs: readonly ParameterSpec[];
  readonly parameters: Tensor;
  readonly gradient: Tensor;
  /** Factor on the gradient, a scalar; 1 by default. Applying it inside the optimizer saves a pass over the gradient. */
  readonly gradientScale?: Tensor | undefined;
  readonly slots: readonly Tensor[];
  /** Learning rate of each parameter, [P] or a scalar. */
  readonly learningRate: Tensor;
  /** 1 where weight decay applies and 0 elsewhere, [P] or a scalar. */
  readonly decayMask: Tensor;
  /** Number of this update, counted from 1, float scalar. */
  readonly stepNumber: Tensor;
  /** Whether matrix products may be rounded to 10 bits, as `Engine.roundsProducts`; not by default. */
  readonly roundsProducts?: boolean;
}

/** An update rule as a graph function. Its slots, vectors [P] that are kept between steps, start at zero. */
export interface Optimizer {
  readonly numSlots: number;
  update(step: OptimizerStep): { readonly parameters: Tensor; readonly slots: readonly Tensor[] };
}

/**
 * Gradient descent with momentum. Weight decay is added to the gradient.
 * @param options - momentum: 0 turns it off; nesterov: look ahead by one momentum step
 */
export function sgd({ momentum = 0, nesterov = false, weightDecay = 0 } = {}): Optimizer {
  return {
    numSlots: momentum === 0 ? 0 : 1,
    update: ({ parameters, gradient: unscaled, gradientScale, slots, learningRate, decayMask }) => {
      const gradient = gradientScale === undefined ? unscaled : mul(unscaled, gradientScale);
      const decayed = weightDecay === 0 ? gradient : add(gradient, mul(parameters, mul(decayMask, weightDecay)));
      const velocity = slots[0];
      if (velocity === undefined) return { parameters: sub(parameters, mul(decayed, learningRate)), slots: [] };
      const next = add(mul(velocity, momentum), decayed);
      const direction = nesterov ? add(decayed, mul(next, momentum)) : next;
      return { parameters: sub(parameters, mul(direction, learningRate)), slots: [next] };
    },
  };
}

/**
 * Adam with decoupled weight decay.
 * @see Loshchilov and Hutter 2019, arXiv:1711.05101
 */
export function adamw({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = {}): Optimizer {
  return {
    numSlots: 2,
    update: ({ parameters, gradient, gradientScale, slots, learningRate, decayMask, stepNumber }) => {
      const [first, second] = slots as [Tensor, Tensor];
      // Scalars are multiplied with each other first, because each pass over all parameters takes time.
      const share = gradientScale === undefined ? 1 - beta1 : mul(gradientScale, 1 - beta1);
      const squareShare = gradientScale === undefined ? 1 - beta2 : mul(mul(gradientScale, gradientScale), 1 - beta2);
      const mean = add(mul(first, beta1), mul(gradient, share));
      const square = add(mul(second, beta2), mul(mul(gradient, gradient), squareShare));
      const stdBias = sqrt(sub(1, pow(beta2, stepNumber)));
      const direction = div(mean, add(sqrt(square), mul(stdBias, epsilon)));
      const rate = mul(learningRate, div(stdBias, sub(1, pow(beta1, stepNumber))));
      const moved = sub(parameters, mul(direction, rate));
      const shrink = () => mul(mul(parameters, decayMask), mul(learningRate, weightDecay));
      return { parameters: weightDecay === 0 ? moved : sub(moved, shrink()), slots: [mean, square] };
    },
  };
}

/**
 * The original Adam: weight decay is added to the gradient, as in `sgd`.
 * @see Kingma and Ba 2015, arXiv:1412.6980
 */
export function adam({ weightDecay = 0, ...options }: Parameters<typeof adamw>[0] = {}): Optimizer {
  const { numSlots, update } = adamw(options);
  return {
    numSlots,
    update: (step) => (weightDecay === 0 ? update(step) : update(withDecay(step, weightDecay))),
  };
}

/** The step with the scaled gradient plus weight decay. */
function withDecay({ gradientScale, ...step }: OptimizerStep, weightDecay: number): OptimizerStep {
  const gradient = gradientScale === undefined ? step.gradient : mul(step.gradient, gradientScale);
  return { ...step, gradient: add(gradient, mul(step.parameters, mul(step.decayMask, weightDecay))) };
}

/**
 * The factor on a gradient that undoes the loss scale and then limits the Euclidean norm to `clipNorm`; undefined if
 * there is neither a loss scale nor a limit.
 */
export function gradientScaleOf(gradient: Tensor, clipNorm?: number, lossScale?: Tensor): Tensor | undefined {
  if (lossScale === undefined) return clipNorm === undefined ? undefined : clipScale(gradient, clipNorm);
  // The gradient is still scaled, so its limit is scaled too.
  const clip = clipNorm === undefined ? 1 : clipScale(gradient, mul(lossScale, clipNorm));
  return div(clip, lossScale);
}

/** The factor, at most 1, that limits the Euclidean norm of a gradient to `maxNorm`. */
export function clipScale(gradient: Tensor, maxNorm: Operand): Tensor {
  const norm = sqrt(sum(mul(gradient, gradient)));
  return minimum(div(maxNorm, add(norm, 1e-12)), 1);
}

/** Scales a gradient down if its Euclidean norm exceeds `maxNorm`. */
export function clipByNorm(gradient: Tensor, maxNorm: number): Tensor {
  return mul(gradient, clipScale(gradient, maxNorm));
}

/** Exponential moving average: decay · ema + (1 - decay) · value. */
export function updateEma(ema: Tensor, value: Tensor, decay: Tensor): Tensor {
  return add(value, mul(sub(ema, value), decay));
}
