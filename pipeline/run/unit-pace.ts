import { Cifar5mError } from "../../core/errors.ts";
import type { ReceiptStage, RunFolder } from "./run-folder.ts";
import { readSpeedIfAny } from "./speed.ts";
import { type Unit, unitRows } from "./units.ts";

/** Code of the error that ends a process in order because its time is over. */
export const noTimeLeft = "run/no-time-left";

/** Keeps a stage from work that its process cannot finish before the scheduler ends it. */
export interface UnitPace {
  /**
   * Begins a unit. Several may be under way at once.
   * @returns what to call when it is done
   * @throws Cifar5mError `run/no-time-left` if the unit would not end before the deadline; `run/walltime-too-short` if it
   *   also needs more than half of the process's whole time, so that another process would hardly get further
   */
  begin(unit: Unit): Promise<() => void>;
}

/**
 * Predicts the time of a unit from the slowest one that this process did, and of the first one from the speed that
 * `prepare` measured.
 * @param options.stages - what is done to a unit, in one pass
 * @param options.startMs - when this process began, milliseconds since 1970; for tests, as is clock
 */
export function openPace(options: {
  readonly stages: readonly ReceiptStage[];
  readonly folder: Pick<RunFolder, "speed">;
  /** Of the process, milliseconds since 1970; undefined without one. */
  readonly deadlineMs: number | undefined;
  readonly startMs?: number;
  readonly clock?: () => number;
}): UnitPace {
  const { stages, folder, deadlineMs, startMs = performance.timeOrigin, clock = Date.now } = options;
  let slowestMs: number | undefined;
  return {
    async begin(unit) {
      const beganMs = clock();
      if (deadlineMs !== undefined) {
        const rowMs = slowestMs ?? (await measuredRowMs(folder, stages));
        const [neededMs, leftMs] = [rowMs * unitRows(unit), deadlineMs - beganMs];
        const wholeMs = deadlineMs - startMs;
        const isHopeless = slowestMs === undefined && leftMs > 0 && neededMs > wholeMs / 2;
        if (neededMs > leftMs || leftMs <= 0)
          throw isHopeless ? tooShort(unit, neededMs, wholeMs) : noTime(unit, neededMs, leftMs);
      }
      return () => {
        slowestMs = Math.max(slowestMs ?? 0, (clock() - beganMs) / unitRows(unit));
      };
    },
  };
}

async function measuredRowMs(folder: Pick<RunFolder, "speed">, stages: readonly ReceiptStage[]): Promise<number> {
  const speed = await readSpeedIfAny(folder);
  const measured = (["sample", "label"] as const).filter((stage) => stages.includes(stage));
  return measured.reduce((sum, stage) => sum + (speed?.[stage] === undefined ? 0 : 1000 / speed[stage]), 0);
}

function noTime(unit: Unit, neededMs: number, leftMs: number): Cifar5mError {
  return new Cifar5mError(
    noTimeLeft,
    `${unit.name} needs about ${seconds(neededMs)}, and ${seconds(leftMs)} are left before the walltime. ` +
      "What was finished is kept. Run the same command again to go on.",
  );
}

function tooShort(unit: Unit, neededMs: number, wholeMs: number): Cifar5mError {
  return new Cifar5mError(
    "run/walltime-too-short",
    `${unit.name} must end before the walltime, and needs about ${seconds(neededMs)} of the ${seconds(wholeMs)} that ` +
      "this process has. Submit with a longer --time, or a new run with a smaller --unit-size.",
  );
}

function seconds(milliseconds: number): string {
  return `${Math.max(0, Math.ceil(milliseconds / 1000))} s`;
}
