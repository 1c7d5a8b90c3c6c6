import { Cifar5mError } from "../../core/errors.ts";
import { shortHash } from "../../core/format.ts";
import { readManifestIfAny } from "../../shards/format/manifest-file.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { joinPath } from "../../storage/join-path.ts";
import { listFolder } from "../../storage/list-folder.ts";
import { fileExists } from "../../storage/read-file.ts";
import { readReceiptIfAny, readUndamaged } from "../../storage/receipt.ts";
import { listReceipts } from "./list-receipts.ts";
import { beginWith, pinnedOfManifest } from "./pinned-of-manifest.ts";
import type { PinnedRun } from "./pinned-run.ts";
import type { ReceiptStage, RunFolder } from "./run-folder.ts";
import { planUnits } from "./units.ts";

/** The stages whose receipts name the hash of the run. */
const datasetStages = [
  "sample",
  "label",
  "fingerprint",
  "dedup",
  "publish",
  "import",
] as const satisfies ReceiptStage[];

/** What a receipt says of the run that it belongs to. */
interface Witness {
  /** The path of the receipt. */
  readonly path: string;
  readonly configHash: string;
}

/** A receipt of the run in a folder; undefined if there is none that can be read. */
export async function findWitness(folder: Pick<RunFolder, "receipt">): Promise<Witness | undefined> {
  for (const stage of datasetStages) {
    for (const name of [...(await listReceipts(folder, stage))].sort()) {
      const path = folder.receipt(stage, name);
      const receipt = await readUndamaged(() => readReceiptIfAny(path));
      if (receipt !== undefined) return { path, configHash: receipt.configHash };
    }
  }
  return undefined;
}

/**
 * Looks in a folder for the work of a run that has lost run.json or a file of growth/, before one of them is written there.
 * @param wanted - what is to be pinned
 * @returns the error `run/lost` if the folder holds other work than this run would make, or `run/not-empty` for files of
 *   somebody's in its places; undefined if nothing speaks against it
 * @throws Cifar5mError `manifest/version-unsupported`, `receipt/version-unsupported`, `disk/…`
 */
export async function findLostRun(folder: RunFolder, wanted: PinnedRun): Promise<Cifar5mError | undefined> {
  const hash = hashConfig(wanted.identity);
  const manifest = await readUndamaged(() => readManifestIfAny(folder.dataset));
  const published = manifest && pinnedOfManifest(manifest);
  const isOther = manifest !== undefined && manifest.configHash !== hash;
  if (isOther || !beginWith(wanted.sizes ?? [], published?.sizes ?? [])) {
    return lostRun(
      `${folder.manifest} ${isOther ? `is of config ${shortHash(manifest.configHash)}, these options give ${shortHash(hash)}` : "lists other sizes"}: ` +
        `${folder.config}, or a file of growth/ beside it, was lost. Run \`cifar5m repair\`, which restores both from the manifest`,
    );
  }
  if (manifest === undefined) {
    const witness = await findWitness(folder);
    if (witness === undefined) {
      const foreign = await findForeignFile(folder);
      if (foreign !== undefined) return foreign;
    } else if (witness.configHash !== hash) {
      return lostRun(
        `${witness.path} was made with config ${shortHash(witness.configHash)}, these options give ${shortHash(hash)}, ` +
          `and ${folder.config} was lost. Give all options that the run was begun with, put the file back from a copy`,
      );
    }
  }
  return await findOtherUnits(folder, wanted, published?.sizes ?? []);
}

/** Files of somebody's in the places of a new run's would be replaced by it. */
async function findForeignFile(folder: RunFolder): Promise<Cifar5mError | undefined> {
  if (await fileExists(folder.config)) return undefined;
  const inDataset = (await listFolder(folder.dataset)).sort().map((name) => joinPath(folder.dataset, name));
  const path = (await fileExists(folder.contactSheet)) ? folder.contactSheet : inDataset[0];
  if (path === undefined) return undefined;
  return new Cifar5mError(
    "run/not-empty",
    `${folder.root} must be a run folder or a new one, and has no run.json, but ${path}, which a run might replace. ` +
      "Name another folder.",
  );
}

/** Work on units that are not published must be on the units that there will be. */
async function findOtherUnits(
  folder: RunFolder,
  { identity, sizes }: PinnedRun,
  published: NonNullable<PinnedRun["sizes"]>,
): Promise<Cifar5mError | undefined> {
  if (sizes === undefined) return undefined;
  const unitSize = Number(identity["unitSize"]);
  const known = new Set(planUnits(published, unitSize).map(({ name }) => name));
  const units = new Map(planUnits(sizes, unitSize).map((unit) => [unit.name, unit]));
  for (const stage of ["sample", "publish"] as const) {
    for (const name of await listReceipts(folder, stage)) {
      const unit = units.get(name);
      if (unit === undefined || known.has(name)) continue;
      const path = folder.receipt(stage, name);
      const receipt = await readUndamaged(() => readReceiptIfAny(path));
      if (receipt === undefined || (receipt.idStart === unit.idStart && receipt.idEnd === unit.idEnd)) continue;
      return lostRun(
        `${path} is of ids ${receipt.idStart} to ${receipt.idEnd - 1}, and of ${unit.idStart} to ${unit.idEnd - 1} at this size: the ` +
          "set had another one, whose file was lost. Give the sizes that it had, one after the other, put their files back from a copy",
      );
    }
  }
  return undefined;
}

function lostRun(what: string): Cifar5mError {
  return new Cifar5mError("run/lost", `${what}, or name a new run folder with --run.`);
}

/**
 * Refuses to pin what `findLostRun` finds something against.
 * @throws Cifar5mError `run/lost`, `run/not-empty`; as `findLostRun`
 */
export async function requireNoLostRun(folder: RunFolder, wanted: PinnedRun): Promise<void> {
  const lost = await findLostRun(folder, wanted);
  if (lost !== undefined) throw lost;
}
