import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import type { FeatureStatistics } from "./feature-statistics.ts";

/**
 * The squared Fréchet distance of two Gaussians, |m₁ − m₂|² + tr(C₁ + C₂ − 2 (C₁ C₂)^½), float64. The trace of the root
 * is the sum of the square roots of the eigenvalues of C₁^½ C₂ C₁^½, which is symmetric, so nothing complex turns up.
 * @returns 0 for equal Gaussians, up to rounding
 * @see Dowson and Landau 1982, "The Fréchet distance between multivariate normal distributions"; Heusel et al. 2017,
 *   arXiv:1706.08500
 */
export function frechetDistance(first: FeatureStatistics, second: FeatureStatistics): number {
  return frechetDistanceFrom(first)(second);
}

/** `frechetDistance` from one Gaussian to many. The root of its covariance, half of the work, is computed once. */
export function frechetDistanceFrom(first: FeatureStatistics): (second: FeatureStatistics) => number {
  const { width, mean } = first;
  const c1 = covarianceOf(first);
  const root = symmetricRoot(c1);
  return (second) => {
    const c2 = covarianceOf(second);
    const middle = root.mmul(c2).mmul(root);
    // Rounding makes it slightly asymmetric, and the decomposition would then use another algorithm.
    const { realEigenvalues } = new EigenvalueDecomposition(middle.add(middle.transpose()).mul(0.5), {
      assumeSymmetric: true,
    });
    const traceOfRoot = realEigenvalues.reduce((sum, value) => sum + Math.sqrt(Math.max(value, 0)), 0);
    let distance = 0;
    for (let index = 0; index < width; index++) distance += (mean[index]! - second.mean[index]!) ** 2;
    return distance + c1.trace() + c2.trace() - 2 * traceOfRoot;
  };
}

function covarianceOf({ width, covariance }: FeatureStatistics): Matrix {
  return Matrix.from1DArray(width, width, covariance);
}

/** The symmetric square root of a symmetric matrix whose eigenvalues are negative only by rounding. */
function symmetricRoot(matrix: Matrix): Matrix {
  const { eigenvectorMatrix: vectors, realEigenvalues } = new EigenvalueDecomposition(matrix, {
    assumeSymmetric: true,
  });
  const roots = realEigenvalues.map((value) => Math.sqrt(Math.max(value, 0)));
  return vectors.clone().mulRowVector(roots).mmul(vectors.transpose());
}
