import { type Call, type Term, type Trajectory, terms } from "./samplers/trajectory.ts";

/** A number that each call is given: its noise level, or the factor of a term in one of its results. */
export type Column = { readonly of: "sigma" } | { readonly of: "next" | "kept"; readonly term: Term };

/** A trajectory as a table of numbers. */
export interface TrajectoryTable {
  /** Noise level first, then the factors that are not 0 in all rows. */
  readonly columns: readonly Column[];
  /** A row for each call, of a number for each column. */
  readonly rows: readonly (readonly number[])[];
}

export function tableOf({ calls }: Trajectory): TrajectoryTable {
  const columns: Column[] = [{ of: "sigma" }];
  for (const of of ["next", "kept"] as const) {
    for (const term of terms) {
      if (calls.some((call) => factorOf(call, { of, term }) !== 0)) columns.push({ of, term });
    }
  }
  return { columns, rows: calls.map((call) => columns.map((column) => factorOf(call, column))) };
}

function factorOf(call: Call, column: Column): number {
  return column.of === "sigma" ? call.sigma : (call[column.of]?.[column.term] ?? 0);
}

/** Whether the calls of a table add fresh noise. */
export function needsNoise({ columns }: TrajectoryTable): boolean {
  return columns.some((column) => column.of !== "sigma" && column.term === "noise");
}

/** Terms that hand something from one call to the next. */
const memories: readonly Term[] = ["kept", "denoised1", "denoised2", "denoised3"];

/**
 * Cuts a trajectory into runs of a graph that hand on nothing but the place: each begins at a call that looks back at
 * nothing.
 * @param mostCalls - calls of a run; more where there is nowhere to cut
 * @returns the first call and one past the last of each run
 */
export function cutTrajectory({ calls }: Trajectory, mostCalls: number): (readonly [start: number, end: number])[] {
  const looksBack = (call: Call) =>
    memories.some((term) => factorOf(call, { of: "next", term }) !== 0 || factorOf(call, { of: "kept", term }) !== 0);
  const starts = [0];
  let candidate = 0;
  calls.forEach((call, index) => {
    if (looksBack(call)) return;
    if (index - starts.at(-1)! > mostCalls && candidate > starts.at(-1)!) starts.push(candidate);
    candidate = index;
  });
  const last = starts.at(-1)!;
  if (calls.length - last > mostCalls && candidate > last) starts.push(candidate);
  return starts.map((start, index) => [start, starts[index + 1] ?? calls.length]);
}
