import { programVersion } from "../../core/program-version.ts";
import type { CommitSink } from "../../storage/commit.ts";
import { commitUnit } from "../../storage/commit-unit.ts";
import { fileExists } from "../../storage/read-file.ts";
import { isUnitDone } from "../../storage/receipt.ts";
import { inOrder } from "./in-order.ts";
import type { Run } from "./run.ts";
import type { ReceiptStage } from "./run-folder.ts";
import { openPace, type UnitPace } from "./unit-pace.ts";
import { type Unit, unitRows } from "./units.ts";

/** The process that a stage runs in: its share of the work, its signal and its progress. */
export interface StageContext {
  readonly rank: number;
  readonly worldSize: number;
  /** When the scheduler ends this process, milliseconds since 1970. A unit that cannot end before is not begun. */
  readonly deadlineMs?: number;
  readonly signal: AbortSignal;
  /** Adds to a counter, for progress and for the summary: `sample/images`, `dropped/duplicate-within-set`. */
  count(name: string, by: number): void;
  /** Shows a value that rises and falls, such as a loss. */
  show(name: string, value: number): void;
  /** Corrects the number of images that the present step ends with, where it differs from the step's plan. */
  expect?(images: number): void;
  /** Says in a line what the process waits for. */
  readonly tell?: ((line: string) => void) | undefined;
}

/** An async transform of units: yields each unit when it is done, by this worker or another. */
export type Stage = (units: AsyncIterable<Unit> | Iterable<Unit>, context: StageContext) => AsyncGenerator<Unit>;

/** How one stage makes the data file of a unit. */
export interface UnitWork {
  readonly name: ReceiptStage;
  readonly run: Pick<Run, "folder" | "hash">;
  /** sha256 of the models it uses, by name; the receipt holds them. */
  readonly models: Readonly<Record<string, string>>;
  readonly pathOf: (unit: Unit) => string;
  /** Writes the unit's data file, returns its number of rows. */
  readonly write: (unit: Unit, sink: CommitSink, context: StageContext) => Promise<number>;
  /** Keeps the process from units that it has no time for. */
  readonly pace?: UnitPace;
}

/**
 * A stage that makes one data file per unit, then its receipt. A unit whose receipt exists is passed on unchanged.
 * @param options.atOnce - units under way at the same time, 1 by default
 * @param options.close - called when the stage ends, even by an error
 * @returns a stage that throws Cifar5mError `unit/config-changed` if a unit was made with another config or model
 */
export function unitStage(
  options: UnitWork & { readonly atOnce?: number; readonly close?: () => Promise<void> },
): Stage {
  const { name, run } = options;
  let pace: UnitPace | undefined;
  const make = async (unit: Unit, context: StageContext) => {
    pace ??= openPace({ stages: [name], folder: run.folder, deadlineMs: context.deadlineMs });
    await makeUnit({ ...options, pace }, unit, context);
  };
  return stageOf({ ...options, make });
}

/** A stage that does some work on each unit. */
export function stageOf(options: {
  readonly atOnce?: number;
  readonly make: (unit: Unit, context: StageContext) => Promise<void>;
  readonly close?: () => Promise<void>;
}): Stage {
  const { atOnce = 1, make } = options;
  return async function* (units, context) {
    const ending = new AbortController();
    const signal = AbortSignal.any([context.signal, ending.signal]);
    const work = async (unit: Unit) => {
      signal.throwIfAborted();
      await make(unit, { ...context, signal });
      return unit;
    };
    try {
      yield* inOrder({ items: units, atOnce, work, stop: () => ending.abort() });
    } finally {
      await options.close?.();
    }
  };
}

/** Whether a unit has a receipt, and its data is there. @throws Cifar5mError `unit/config-changed` */
export async function isUnitMade({ name, run, models, pathOf }: Omit<UnitWork, "write">, unit: Unit): Promise<boolean> {
  const receiptPath = run.folder.receipt(name, unit.name);
  return (await isUnitDone(receiptPath, { configHash: run.hash, models })) && (await fileExists(pathOf(unit)));
}

/**
 * Makes a unit, unless its receipt and its data exist.
 * @returns whether this call made it: `kept` if it was there, `elsewhere` if another worker was faster
 */
export async function makeUnit(
  work: UnitWork,
  unit: Unit,
  context: StageContext,
): Promise<"kept" | "made" | "elsewhere"> {
  const { name, run, models, pathOf, write } = work;
  const receiptPath = run.folder.receipt(name, unit.name);
  if (await isUnitMade(work, unit)) {
    context.count(`${name}/kept`, unitRows(unit));
    return "kept";
  }
  const { idStart, idEnd } = unit;
  const finished = await work.pace?.begin(unit);
  const { outcome } = await commitUnit({
    dataPath: pathOf(unit),
    receiptPath,
    origin: { stage: name, unit: unit.number, idStart, idEnd, configHash: run.hash, models, createdBy: programVersion },
    write: (sink) => write(unit, sink, context),
  });
  finished?.();
  return outcome === "committed" ? "made" : "elsewhere";
}

/**
 * A resource that is opened when it is first needed, and closed if it was opened; after that it can be opened again. An
 * error is kept until then: what else is under way shall not open it once more.
 */
export function openOnce<Resource extends { close(): Promise<void> | void }>(
  open: () => Promise<Resource>,
): { readonly get: () => Promise<Resource>; readonly close: () => Promise<void> } {
  let opened: Promise<Resource> | undefined;
  return {
    get: () => {
      opened ??= open();
      return opened;
    },
    close: async () => {
      const resource = await opened?.catch(() => undefined);
      opened = undefined;
      await resource?.close();
    },
  };
}
