import { Graph, type Tensor } from "../../engine/graph/graph.ts";
import { add, cast, maximum, minimum, mul, round } from "../../engine/ops/elementwise.ts";
import { transpose } from "../../engine/ops/reshape.ts";
import { isFiniteVector } from "../../engine/training/loss-scale.ts";
import type { Denoiser } from "../denoiser.ts";
import { followTrajectory } from "./trajectory-graph.ts";
import type { Column } from "./trajectory-table.ts";

/**
 * The graph that makes images from noise. Inputs: `x` [B, 3, 32, 32], noise of the first call's level; `classes` [B];
 * `rows` [K, C] and `numCalls`, the part of the trajectory to follow; `noise` [K, B, 3, 32, 32] where a column asks for it.
 * Outputs: `images`, uint8 [B, 32, 32, 3], which only the last run of a trajectory is asked for, and `next`, where the next run goes on;
 * `isFinite`, a bool: as bytes, what is not a number looks like a black image.
 */
export function buildSamplerGraph(options: {
  /** What each call does. @param isGuided - a bool scalar where not all calls are, else undefined */
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
  graph.output("isFinite", isFiniteVector(end));
  // Only finished images leave the device, unless there is more to do.
  if (isNoisy) graph.output("next", end);
  return graph;
}
