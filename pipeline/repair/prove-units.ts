import { createReadStream } from "node:fs";
import { Cifar5mError } from "../../core/errors.ts";
import { shortHash } from "../../core/format.ts";
import { replaceBytes, replaceFile } from "../../storage/commit.ts";
import { readWholeFile } from "../../storage/read-file.ts";
import { type Receipt, readReceipt } from "../../storage/receipt.ts";
import type { Run } from "../run/run.ts";
import { dataFileOf } from "../run/unit-files.ts";
import type { Unit } from "../run/units.ts";
import type { UnitsByStage } from "./remake-units.ts";
import type { UnitState } from "./unit-state.ts";

/** A unit whose remade file differs from the old one. */
export interface Failure {
  readonly unit: Unit;
  readonly error: Cifar5mError;
}

/**
 * Compares the hashes of remade units with the old ones. If the old hash of a file is unknown, the shard that was made
 * from it proves the file.
 * @param run - the run with the paths of the remade units
 * @param states - the states before the repair
 * @param made - the remade units
 * @returns the first failure of each unit, in the order of the data
 */
export async function proveUnits(run: Run, states: readonly UnitState[], made: UnitsByStage): Promise<Failure[]> {
  const failures = new Map<Unit, Cifar5mError>();
  for (const state of states) {
    const { stage, unit } = state;
    if (failures.has(unit) || !made[stage].has(unit)) continue;
    const error = disproof(run, state, await readReceipt(run.folder.receipt(stage, unit.name)));
    if (error !== undefined) failures.set(unit, error);
  }
  return [...failures].map(([unit, error]) => ({ unit, error }));
}

function disproof(run: Run, state: UnitState, made: Receipt): Cifar5mError | undefined {
  const { stage, unit, expected, found } = state;
  const known = expected ?? (stage === "publish" ? found : undefined);
  if (known === made.sha256 || (known === undefined && stage !== "publish")) return undefined;
  const name = `${stage} of ${unit.name} (ids ${unit.idStart} to ${unit.idEnd - 1})`;
  if (expected !== undefined) {
    return new Cifar5mError(
      "repair/hash-mismatch",
      `${name} in ${run.folder.root} was sha256 ${shortHash(expected)}, but the remade one is ${shortHash(made.sha256)}, so the old files ` +
        "were left as they are. Repair with the engine, device and release that built the run.",
    );
  }
  return new Cifar5mError(
    "repair/unproven",
    `${name} in ${run.folder.root} has lost its receipt and the manifest, so nothing says what it was: it is sha256 ` +
      `${found === undefined ? "gone" : shortHash(found)}, made again ${shortHash(made.sha256)}. ` +
      "Move what is left of it away and run `cifar5m build`, which makes it again.",
  );
}

/** @throws the first failure, with the number of other failures */
export function throwFirst(failures: readonly Failure[]): void {
  const [first, ...others] = failures;
  if (first === undefined) return;
  const more = others.length === 0 ? "" : ` (And ${others.length} more units.)`;
  throw new Cifar5mError(first.error.code, first.error.message + more);
}

/**
 * Replaces the damaged files of a unit by the remade ones: the data file, then the receipt. Undamaged files stay.
 * @param staged - the run with the path of the remade unit
 * @returns the paths of the written files
 */
export async function installUnit(run: Run, staged: Run, state: UnitState): Promise<string[]> {
  const { stage, unit, receipt, found } = state;
  const written: string[] = [];
  const source = { path: dataFileOf(staged, stage, unit), receipt: staged.folder.receipt(stage, unit.name) };
  const { sha256 } = await readReceipt(source.receipt);
  if (found !== sha256) {
    const path = dataFileOf(run, stage, unit);
    await replaceFile(path, async (sink) => {
      for await (const piece of createReadStream(source.path)) await sink.write(piece as Uint8Array);
    });
    written.push(path);
  }
  if (receipt === undefined) {
    const path = run.folder.receipt(stage, unit.name);
    await replaceBytes(path, await readWholeFile(source.receipt));
    written.push(path);
  }
  return written;
}
