import type { Tensor } from "../graph/graph.ts";
import { add, erf, exp, mul, sigmoid, sub } from "../ops/elementwise.ts";
import { customVjp } from "./custom-vjp.ts";

/**
 * x · sigmoid(x), also called swish.
 * @see Elfwing et al. 2017, arXiv:1702.03118
 */
export function silu(x: Tensor): Tensor {
  const gate = sigmoid(x);
  const result = mul(x, gate);
  return customVjp(
    result,
    [x, gate],
    (gradient, result, [, gate]) => [mul(gradient, add(result, mul(gate, sub(1, result))))],
    "elementwise",
  );
}

/**
 * x · Φ(x), where Φ is the normal distribution function (the exact form, not the tanh approximation).
 * @see Hendrycks and Gimpel 2016, arXiv:1606.08415
 */
export function gelu(x: Tensor): Tensor {
  const distribution = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
  return customVjp(
    mul(x, distribution),
    [x, distribution],
    (gradient, _result, [x, distribution]) => {
      const density = mul(exp(mul(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return [mul(gradient, add(distribution, mul(x, density)))];
    },
    "elementwise",
  );
}
