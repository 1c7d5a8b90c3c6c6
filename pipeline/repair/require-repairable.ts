import { Cifar5mError } from "../../core/errors.ts";
import { shortHash } from "../../core/format.ts";
import type { Manifest } from "../../shards/index.ts";
import { describeMisfit } from "../run/describe-misfit.ts";
import type { Run } from "../run/run.ts";
import type { UnitState } from "./unit-state.ts";

/**
 * Refuses a manifest of other models or of another run. An undamaged manifest says what the set was made with, and
 * nothing else could make it again.
 * @throws Cifar5mError `repair/models-changed`, `repair/manifest-of-another-run`
 */
export async function requireOwnManifest(
  run: Run,
  manifest: Manifest,
  models: Readonly<Record<string, string>>,
): Promise<void> {
  const path = run.folder.manifest;
  const changed = Object.keys(models).find((name) => models[name] !== manifest.models[name]);
  if (changed !== undefined) {
    throw new Cifar5mError(
      "repair/models-changed",
      `${path} names ${changed} ${shown(manifest.models[changed])}, the run has ${shown(models[changed])}. ` +
        "Restore the models that the set was made with, and their receipts.",
    );
  }
  const misfit = await describeMisfit(run, manifest);
  if (misfit !== undefined) throw new Cifar5mError("repair/manifest-of-another-run", `${path} ${misfit}`);
}

/**
 * Refuses an unfinished run: a unit that was never made cannot be lost.
 * @throws Cifar5mError `repair/unfinished`
 */
export function requireFinished(run: Run, states: readonly UnitState[], manifest: Manifest | undefined): void {
  const open = states.filter(
    ({ stage, receipt, found }) => stage === "publish" && receipt === undefined && found === undefined,
  );
  if (manifest !== undefined || open.length === 0) return;
  throw new Cifar5mError(
    "repair/unfinished",
    `${run.folder.root} must be a finished run, but ${open.length} of its ${run.units.length} units were never published ` +
      "and there is no manifest. Run `cifar5m build` again to finish it.",
  );
}

function shown(hash: string | undefined): string {
  return hash === undefined ? "none" : shortHash(hash);
}
