import { integersOf, type Kernels, single } from "../kernel.ts";

export const reduceKernels: Kernels = {
  ReduceSum: single((tf, [x], { attributes }) => tf.sum(x!, integersOf(attributes, "axes"), true)),
  ReduceMean: single((tf, [x], { attributes }) => tf.mean(x!, integersOf(attributes, "axes"), true)),
  ReduceMax: single((tf, [x], { attributes }) => tf.max(x!, integersOf(attributes, "axes"), true)),
};
