import type { Tensor } from "../../engine/graph/graph.ts";
import { expand, zerosLike } from "../../engine/ops/broadcast.ts";
import { split } from "../../engine/ops/concat.ts";
import { add, greater, mul } from "../../engine/ops/elementwise.ts";
import { gather } from "../../engine/ops/gather.ts";
import { loop } from "../../engine/ops/loop.ts";
import { reshape } from "../../engine/ops/reshape.ts";
import type { Term } from "./samplers/trajectory.ts";
import { type Column, isFactor } from "./trajectory-table.ts";

export interface TrajectoryInputs {
  /** The noisy images of the first call, [B, ...]. */
  readonly start: Tensor;
  /** Rows of a trajectory's table, [K, C], of the same type as `start`. */
  readonly rows: Tensor;
  readonly columns: readonly Column[];
  /** How many rows to follow, int64 scalar, at most K. */
  readonly numCalls: Tensor;
  /** Standard normal numbers for each call, [K, B, ...]; only for tables with a column for noise. */
  readonly noise?: Tensor | undefined;
  /**
   * Denoises images.
   * @param sigma - noise levels, [B]
   * @param isGuided - whether the call is guided, a bool scalar; undefined if the table has no such column
   */
  readonly denoise: (noisy: Tensor, sigma: Tensor, isGuided: Tensor | undefined) => Tensor;
}

/**
 * Follows a trajectory inside one graph. It is a `Loop` with a denoiser call in each iteration.
 * @returns the noisy images for the call after the last one; after a whole trajectory, the images
 */
export function followTrajectory(inputs: TrajectoryInputs): Tensor {
  const { start, rows, columns, numCalls, noise, denoise } = inputs;
  const uses = (term: Term) => columns.some((column) => isFactor(column) && column.term === term);
  const guidedIndex = columns.findIndex(({ of }) => of === "guided");
  const denoised = ["denoised1", "denoised2", "denoised3"] as const;
  const past = denoised.slice(0, denoised.findLastIndex(uses) + 1);
  const memories: readonly Term[] = [...(uses("kept") ? (["kept"] as const) : []), ...past];
  const nothing = zerosLike(start);
  const initial = [start, ...memories.map(() => nothing)];
  const { carried } = loop(numCalls, rows.shape[0]!, initial, (_body, iteration, [x, ...remembered]) => {
    const row = split(
      gather(rows, iteration),
      columns.map(() => 1),
      0,
    );
    const isGuided = guidedIndex === -1 ? undefined : greater(reshape(row[guidedIndex]!, []), 0.5);
    const values = new Map<Term, Tensor>([
      ["x", x!],
      ["denoised0", denoise(x!, expand(row[0]!, [x!.shape[0]!]), isGuided)],
      ...memories.map((term, index) => [term, remembered[index]!] as const),
      ...(noise === undefined ? [] : [["noise", gather(noise, iteration)] as const]),
    ]);
    const combined = (of: "next" | "kept") =>
      columns
        .flatMap((column, index) =>
          isFactor(column) && column.of === of ? [mul(values.get(column.term)!, row[index]!)] : [],
        )
        .reduce((sum, part) => add(sum, part));
    const next = combined("next");
    const nextMemories = memories.map((term) =>
      term === "kept" ? combined("kept") : values.get(`denoised${Number(term.at(-1)) - 1}` as Term)!,
    );
    return { carried: [next, ...nextMemories], collected: [] };
  });
  return carried[0]!;
}
