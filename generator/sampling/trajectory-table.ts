import { type Call, type Term, type Trajectory, terms } from "./samplers/trajectory.ts";

/** A number of each call: its noise level, whether it is guided (1 or 0), or the factor of a term in one of its results. */
export type Column = { readonly of: "sigma" | "guided" } | FactorColumn;

/** The factor of a term in one of a call's results. */
export interface FactorColumn {
  readonly of: "next" | "kept";
  readonly term: Term;
}

/** A trajectory as a table of numbers. */
export interface TrajectoryTable {
  /** The noise level; whether a call is guided, if only some calls are; the factors that are not 0 in all rows. */
  readonly columns: readonly Column[];
  /** A row per call, with a number per column. */
  readonly rows: readonly (readonly number[])[];
}

/**
 * Turns a trajectory into a table.
 * @param isGuided - whether calls at a noise level are guided; by default all calls count as equal
 */
export function tableOf({ calls }: Trajectory, isGuided: (sigma: number) => boolean = () => true): TrajectoryTable {
  const columns: Column[] = [{ of: "sigma" }];
  const cellOf = (call: Call, column: Column) => {
    if (column.of === "sigma") return call.sigma;
    return isFactor(column) ? factorOf(call, column) : Number(isGuided(call.sigma));
  };
  if (!calls.every(({ sigma }) => isGuided(sigma))) columns.push({ of: "guided" });
  for (const of of ["next", "kept"] as const) {
    for (const term of terms) {
      if (calls.some((call) => factorOf(call, { of, term }) !== 0)) columns.push({ of, term });
    }
  }
  return { columns, rows: calls.map((call) => columns.map((column) => cellOf(call, column))) };
}

function factorOf(call: Call, { of, term }: FactorColumn): number {
  return call[of]?.[term] ?? 0;
}

/** Whether a column holds the factor of a term. */
export function isFactor(column: Column): column is FactorColumn {
  return column.of === "next" || column.of === "kept";
}

/** Whether the calls of a table add fresh noise. */
export function needsNoise({ columns }: TrajectoryTable): boolean {
  return columns.some((column) => isFactor(column) && column.term === "noise");
}

/** Terms that pass values from one call to the next. */
const memories: readonly Term[] = ["kept", "denoised1", "denoised2", "denoised3"];

/**
 * Cuts a trajectory into runs of a graph. A run starts at a call that uses no value of earlier calls besides `x`, so that
 * only `x` passes from run to run.
 * @param mostCalls - maximum number of calls per run; a run is longer only if there is no call at which it can be cut
 * @returns the first call of each run and one past its last
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
