import { Graph, type Tensor } from "../../../engine/graph/graph.ts";
import { type TensorData, tensorData } from "../../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../../engine/onnxruntime/onnxruntime-engine.ts";
import type { Trajectory } from "../../../generator/sampling/samplers/trajectory.ts";
import { followTrajectory } from "../../../generator/sampling/trajectory-graph.ts";
import { tableOf } from "../../../generator/sampling/trajectory-table.ts";

/** Follows a part of a trajectory from given noisy images, with the graph that sampling uses. */
export async function follow(options: {
  readonly trajectory: Trajectory;
  readonly start: TensorData;
  readonly denoise: (noisy: Tensor, sigma: Tensor) => Tensor;
  /** Standard normal numbers for each call of the part. */
  readonly noise?: Float32Array;
  /** The first call and one past the last; all calls by default. */
  readonly part?: readonly [number, number];
}): Promise<Float64Array | Float32Array> {
  const { trajectory, start, denoise, noise, part = [0, trajectory.calls.length] } = options;
  const { dtype, shape } = start;
  const { columns, rows } = tableOf(trajectory);
  const numCalls = part[1] - part[0];
  const graph = new Graph();
  const feeds: Record<string, TensorData> = {
    start,
    rows: tensorData(dtype, [numCalls, columns.length], rows.slice(...part).flat()),
    numCalls: tensorData("int64", [], [numCalls]),
    ...(noise === undefined
      ? {}
      : { noise: tensorData(dtype, [numCalls, ...shape], dtype === "float64" ? Float64Array.from(noise) : noise) }),
  };
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, value]) => [name, graph.input(name, value.dtype, value.shape)]),
  ) as Record<"start" | "rows" | "numCalls", Tensor>;
  graph.output("end", followTrajectory({ ...inputs, columns, denoise }));
  const executable = await onnxruntimeEngine({ numThreads: 1 }).compile(graph);
  const { end } = await executable.run(feeds);
  await executable.release();
  return end!.data as Float64Array;
}
