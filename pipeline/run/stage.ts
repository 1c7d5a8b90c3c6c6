import { rm } from "node:fs/promises";
import { programVersion } from "../../core/program-version.ts";
import type { CommitSink } from "../../storage/commit.ts";
import { commitUnit } from "../../storage/commit-unit.ts";
import { fileExists } from "../../storage/read-file.ts";
import { isUnitDone } from "../../storage/receipt.ts";
import type { Run } from "./run.ts";
import type { ReceiptStage } from "./run-folder.ts";
import { type Unit, unitName, unitRows } from "./units.ts";

/** The process that a stage runs in: its share of the work, its signal and its progress. */
export interface StageContext {
  readonly seed: number;
  readonly rank: number;
  readonly worldSize: number;
  readonly signal: AbortSignal;
  /** Adds to a counter, for progress and for the summary: `sample/images`, `dropped/duplicate-within-set`. */
  count(name: string, by: number): void;
  /** Shows a value that rises and falls, such as a loss. */
  show(name: string, value: number): void;
}

/** An async transform of units: yields each unit when it is done, by this worker or another. */
export type Stage = (units: AsyncIterable<Unit> | Iterable<Unit>, context: StageContext) => AsyncGenerator<Unit>;

/**
 * A stage that makes one data file per unit, then its receipt. A unit whose receipt exists is passed on unchanged.
 * @param options.models - sha256 of the models it uses, by name; the receipt holds them
 * @param options.write - writes the unit's data file, returns its number of rows
 * @param options.close - called when the stage ends, even by an error
 * @returns a stage that throws Cifar5mError `unit/config-changed` if a unit was made with another config or model
 */
export function unitStage(options: {
  readonly name: ReceiptStage;
  readonly run: Pick<Run, "folder" | "hash">;
  readonly models: Readonly<Record<string, string>>;
  readonly pathOf: (unit: Unit) => string;
  readonly write: (unit: Unit, sink: CommitSink, context: StageContext) => Promise<number>;
  readonly close?: () => Promise<void>;
}): Stage {
  const { name, run, models, pathOf, write } = options;
  return async function* (units, context) {
    try {
      for await (const unit of units) {
        context.signal.throwIfAborted();
        const receiptPath = run.folder.receipt(name, unitName(unit));
        const isDone = await isUnitDone(receiptPath, { configHash: run.hash, models });
        if (isDone && (await fileExists(pathOf(unit)))) {
          context.count(`${name}/kept`, unitRows(unit));
        } else {
          // Somebody deleted the data, perhaps because it was damaged, so its receipt proves nothing any more.
          if (isDone) await rm(receiptPath, { force: true });
          const { idStart, idEnd } = unit;
          await commitUnit({
            dataPath: pathOf(unit),
            receiptPath,
            origin: {
              stage: name,
              unit: unit.index,
              idStart,
              idEnd,
              configHash: run.hash,
              models,
              createdBy: programVersion,
            },
            write: (sink) => write(unit, sink, context),
          });
        }
        yield unit;
      }
    } finally {
      await options.close?.();
    }
  };
}

/** A resource that is opened when it is first needed, and closed if it was opened. */
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
