import { type Kernels, outputShape, single } from "../kernel.ts";

export const gatherKernels: Kernels = {
  Gather: single((tf, [table, indices], { attributes }) => tf.gather(table!, indices!, attributes["axis"] as number)),
  ScatterND: single((tf, [table, indices, rows], node) =>
    tf.add(table!, tf.scatterND(indices!, rows!, outputShape(node))),
  ),
};
