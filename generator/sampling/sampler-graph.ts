import { allFinite } from "../../engine/composites/all-finite.ts";
import { Graph, type Tensor } from "../../engine/graph/graph.ts";
import { add, cast, maximum, minimum, mul, round } from "../../engine/ops/elementwise.ts";
import { transpose } from "../../engine/ops/reshape.ts";
import type { Denoiser } from "../denoiser.ts";
import { followTrajectory } from "./trajectory-graph.ts";
import type { Column } from "./trajectory-table.ts";

/**
 * The graph that generates images from noise. One run follows a part of a trajectory.
 *
 * Inputs:
 * - `x`, [B, 3, 32, 32]: noise of the first call's level, or the state after the run before
 * - `classes`, [B]: conditioning classes, if sampling is conditional
 * - `rows`, [K, C], and `numCalls`: the part of the trajectory
 * - `noise`, [K, B, 3, 32, 32]: fresh noise of each call, if calls add noise
 *
 * Outputs:
 * - `images`, uint8 [B, 32, 32, 3]: the images, after the last run
 * - `isFinite`, bool: whether all pixels are finite; converted to bytes, NaN would look like a black pixel
 * - `next`, [B, 3, 32, 32]: the state for the next run, if calls add noise
 */
export function buildSamplerGraph(options: {
  /**
   * The denoiser of a call.
   * @param isGuided - whether the call is guided, a bool scalar; undefined if all calls are or none is
   */
  readonly denoiserOf: (isGuided: Tensor | undefined) => Denoiser;
  readonly batchSize: number;
  readonly isConditional: boolean;
  readonly columns: readonly Column[];
  readonly callsPerRun: number;
  readonly isNoisy: boolean;
}): Graph {
  const { denoiserOf, batchSize, isConditional, columns, callsPerRun, isNoisy } = options;
  const graph = new Graph();
  const start = graph.input("x", "float32", [batchSize, 3, 32, 32]);
  const classes = isConditional ? graph.input("classes", "int64", [batchSize]) : undefined;
  const end = followTrajectory({
    start,
    rows: graph.input("rows", "float32", [callsPerRun, columns.length]),
    columns,
    numCalls: graph.input("numCalls", "int64", []),
    noise: isNoisy ? graph.input("noise", "float32", [callsPerRun, ...start.shape]) : undefined,
    denoise: (noisy, sigma, isGuided) => denoiserOf(isGuided)(noisy, sigma, classes),
  });
  const bytes = minimum(maximum(round(mul(add(end, 1), 127.5)), 0), 255);
  graph.output("images", cast(transpose(bytes, [0, 2, 3, 1]), "uint8"));
  graph.output("isFinite", allFinite(end));
  // A trajectory without noise is one run, so only finished images leave the device.
  if (isNoisy) graph.output("next", end);
  return graph;
}
