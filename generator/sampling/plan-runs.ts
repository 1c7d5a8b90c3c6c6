import { imageBytes } from "../../core/image-layout.ts";
import type { Trajectory } from "./samplers/trajectory.ts";
import { cutTrajectory, needsNoise, type TrajectoryTable, tableOf } from "./trajectory-table.ts";

/** The maximum number of calls per run if calls add noise, and the bytes that their noise may take: 12 kB per image and call. */
const mostNoisyCalls = 50;
const mostNoiseBytes = 8 << 20;

/** A trajectory as runs of one graph. */
export interface PlannedRuns {
  readonly table: TrajectoryTable;
  /** The first call of each run and one past its last. */
  readonly runs: readonly (readonly [start: number, end: number])[];
  /** Calls of the longest run. */
  readonly callsPerRun: number;
  /** Whether calls add fresh noise. Without it, the trajectory is one run. */
  readonly isNoisy: boolean;
}

/**
 * Cuts a trajectory into runs of a graph, so that the noise of a run fits into memory.
 * @param options - batchSize: images of a run; isGuidedAt: see `Guidance`
 */
export function planRuns(
  trajectory: Trajectory,
  {
    batchSize,
    isGuidedAt,
  }: { readonly batchSize: number; readonly isGuidedAt?: ((sigma: number) => boolean) | undefined },
): PlannedRuns {
  const table = tableOf(trajectory, isGuidedAt);
  const isNoisy = needsNoise(table);
  const noisyCalls = Math.max(1, Math.min(mostNoisyCalls, Math.floor(mostNoiseBytes / (4 * imageBytes * batchSize))));
  const runs = cutTrajectory(trajectory, isNoisy ? noisyCalls : trajectory.calls.length);
  return { table, runs, callsPerRun: Math.max(...runs.map(([start, end]) => end - start)), isNoisy };
}
