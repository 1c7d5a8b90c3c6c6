import type { Tensor } from "./graph.ts";
import { add, div, minimum, mul, pow, sqrt, sub } from "./ops/elementwise.ts";
import { sum } from "./ops/reduce.ts";

/** What an optimizer sees of one step. All vectors have shape [P], all parameters of a network one after the other. */
export interface OptimizerStep {
  readonly parameters: Tensor;
  readonly gradient: Tensor;
  readonly slots: readonly Tensor[];
  /** [P] or a scalar: the learning rate of each parameter. */
  readonly learningRate: Tensor;
  /** [P], 1 where weight decay applies and 0 elsewhere. */
  readonly decayMask: Tensor;
  /** Number of this step, from 1, float scalar. */
  readonly stepNumber: Tensor;
}

/** A rule for one step, as a graph function. Slots start at zero. */
export interface Optimizer {
  readonly numSlots: number;
  update(step: OptimizerStep): { readonly parameters: Tensor; readonly slots: readonly Tensor[] };
}

/**
 * Gradient descent with momentum; weight decay is added to the gradient.
 * @param options - momentum: 0 for none; nesterov: look ahead by one momentum step
 */
export function sgd({ momentum = 0, nesterov = false, weightDecay = 0 } = {}): Optimizer {
  return {
    numSlots: momentum === 0 ? 0 : 1,
    update: ({ parameters, gradient, slots, learningRate, decayMask }) => {
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
    update: ({ parameters, gradient, slots: [first, second], learningRate, decayMask, stepNumber }) => {
      const mean = add(mul(first!, beta1), mul(gradient, 1 - beta1));
      const square = add(mul(second!, beta2), mul(mul(gradient, gradient), 1 - beta2));
      const unbiasedMean = div(mean, sub(1, powerOf(beta1, stepNumber)));
      const unbiasedSquare = div(square, sub(1, powerOf(beta2, stepNumber)));
      const direction = div(unbiasedMean, add(sqrt(unbiasedSquare), epsilon));
      const decayed = weightDecay === 0 ? direction : add(direction, mul(parameters, mul(decayMask, weightDecay)));
      return { parameters: sub(parameters, mul(decayed, learningRate)), slots: [mean, square] };
    },
  };
}

function powerOf(base: number, exponent: Tensor): Tensor {
  return pow(add(mul(exponent, 0), base), exponent);
}

/** A gradient scaled down, if need be, to a Euclidean norm of at most `maxNorm`. */
export function clipByNorm(gradient: Tensor, maxNorm: number): Tensor {
  const norm = sqrt(sum(mul(gradient, gradient)));
  return mul(gradient, minimum(div(maxNorm, add(norm, 1e-12)), 1));
}

/** Running average: `decay` of the average so far, the rest of the new value. */
export function movingAverage(average: Tensor, value: Tensor, decay: Tensor): Tensor {
  return add(value, mul(sub(average, value), decay));
}
