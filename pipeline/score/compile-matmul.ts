import { createEngine } from "../../engine/create-engine.ts";
import { Graph } from "../../engine/graph/graph.ts";
import { matmul, swapLastTwo } from "../../engine/ops/matmul.ts";

/** A matrix product of fixed shape, on the CPU. */
export interface Product<Numbers extends Float32Array | Float64Array> {
  /**
   * @param a - [rows, inner] flattened
   * @param b - [columns, inner] flattened
   * @returns the dot product of each row of `a` with each row of `b`, [rows, columns] flattened
   */
  run(a: Numbers, b: Numbers): Promise<Numbers>;
  close(): Promise<void>;
}

/** Compiles a product in float64, for exact distances, or in float32, which only selects candidates. */
export async function compileMatmul<DType extends "float32" | "float64">(
  dtype: DType,
  { rows, columns, inner }: Readonly<Record<"rows" | "columns" | "inner", number>>,
): Promise<Product<DType extends "float32" ? Float32Array<ArrayBufferLike> : Float64Array<ArrayBufferLike>>> {
  type Numbers = DType extends "float32" ? Float32Array<ArrayBufferLike> : Float64Array<ArrayBufferLike>;
  const graph = new Graph();
  const a = graph.input("a", dtype, [rows, inner]);
  const b = graph.input("b", dtype, [columns, inner]);
  graph.output("product", matmul(a, swapLastTwo(b)));
  // Always onnxruntime on the CPU: other engines and devices lack float64, and the scores must not depend on them.
  const executable = await (await createEngine("onnxruntime", { device: "cpu" })).compile(graph);
  return {
    run: async (left, right) => {
      const { product } = await executable.run({
        a: { dtype, shape: [rows, inner], data: left },
        b: { dtype, shape: [columns, inner], data: right },
      });
      return product!.data as Numbers;
    },
    close: () => executable.release(),
  };
}
