"""The squared Frechet distance of two Gaussians, by the eigenvalues of the plain product of their covariances."""

import json
import sys

import numpy

first, second = (
    (numpy.array(g["mean"]), numpy.array(g["covariance"]).reshape(g["width"], g["width"])) for g in json.load(sys.stdin)
)
eigenvalues = numpy.linalg.eigvals(first[1] @ second[1])
root = numpy.sqrt(eigenvalues.astype(complex)).real.sum()
print(repr(float(((first[0] - second[0]) ** 2).sum() + numpy.trace(first[1]) + numpy.trace(second[1]) - 2 * root)))
