import { stopGradient } from "../ops/elementwise.ts";
import { type ParameterSource, Scope } from "./parameters.ts";

/** The same parameters, through which no gradient flows. */
export function frozenScope(scope: Scope): Scope {
  return changedScope(scope, {
    parameter: ({ name, shape, initializer, ...options }) =>
      stopGradient(scope.parameter(name, shape, initializer, options)),
  });
}

/** The same parameters with a multiple of the learning rate. */
export function scopeWithScaledRate(scope: Scope, factor: number): Scope {
  return changedScope(scope, {
    parameter: ({ name, shape, initializer, decay, learningRateScale }) =>
      scope.parameter(name, shape, initializer, { decay, learningRateScale: learningRateScale * factor }),
  });
}

function changedScope(scope: Scope, change: Pick<ParameterSource, "parameter">): Scope {
  return new Scope({
    training: scope.training,
    state: ({ name, shape, value }) => scope.state(name, shape, value),
    setState: (name, value) => scope.setState(name, value),
    random: (kind, stream, shape) => scope.random(kind, stream, shape),
    ...change,
  });
}
