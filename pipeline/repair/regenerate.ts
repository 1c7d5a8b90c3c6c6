import { Cifar5mError } from "../../core/errors.ts";
import { imageAt } from "../../core/image-layout.ts";
import type { SplitName } from "../../shards/format/manifest.ts";
import { readShard } from "../../shards/format/read-shard.ts";
import { fileExists } from "../../storage/read-file.ts";
import { readReceiptIfAny } from "../../storage/receipt.ts";
import { openAutoBatchedSampler } from "../models/auto-batched-sampler.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import type { Config } from "../run/config.ts";
import { type Run, readRun } from "../run/run.ts";
import type { RunFolder } from "../run/run-folder.ts";
import { requestFrom } from "../run/sample-request.ts";
import { readUnitFile } from "../run/unit-files.ts";
import type { Unit } from "../run/units.ts";
import { readRemovals } from "../stages/removals.ts";

/** A stored image, and the same image generated again. */
export interface Regenerated {
  /** The shard that stores it. */
  readonly path: string;
  readonly row: number;
  /** uint8, shape [32, 32, 3]. */
  readonly stored: Uint8Array;
  /** uint8, shape [32, 32, 3]. */
  readonly made: Uint8Array;
  /** Indices of the differing bytes, rising. */
  readonly differing: readonly number[];
}

/**
 * Generates one image of a run again, from its id and the run's generator. It writes nothing.
 * @throws Cifar5mError `regenerate/no-such-id`, `regenerate/removed` with reason and partner,
 *   `regenerate/not-published`, `regenerate/not-stored`; `run/missing`, `run/model-missing`, `table/…`; what the sampler throws
 */
export async function regenerateImage(options: {
  readonly folder: RunFolder;
  readonly config: Config;
  readonly runtime: ModelRuntime;
  readonly id: number;
}): Promise<Regenerated> {
  const { folder, config, runtime, id } = options;
  const run: Run = { ...(await readRun(folder)), config };
  const unit = run.units.find(({ idStart, idEnd }) => id >= idStart && id < idEnd);
  if (unit === undefined) {
    const idsOf = (split: SplitName) => run.units.filter((candidate) => candidate.split === split);
    const ranges = (["train", "test"] as const).map(idsOf).filter((units) => units.length > 0);
    const shown = ranges.map((units) => `[${units[0]!.idStart}, ${units.at(-1)!.idEnd})`).join(" or ");
    const { count, testCount } = config;
    throw new Cifar5mError(
      "regenerate/no-such-id",
      `id must lie in ${shown}, got ${id}: ${folder.root} has ${count} train and ${testCount} test ids. Choose one of them.`,
    );
  }
  const path = run.folder.shard(unit);
  if (!(await fileExists(path))) {
    throw new Cifar5mError(
      "regenerate/not-published",
      `${path} must hold id ${id}, and does not exist. Run \`cifar5m build\` to its end, or \`cifar5m repair\` if it was lost.`,
    );
  }
  const { columns } = await readShard(path);
  const row = columns.id.indexOf(id);
  if (row < 0) throw await removedError(run, unit, id);
  const stored = imageAt(columns.image, row).slice();
  const made = await makeImage({ run, runtime, id });
  const differing = [...stored.keys()].filter((index) => stored[index] !== made[index]);
  return { path, row, stored, made, differing };
}

async function makeImage(options: {
  readonly run: Run;
  readonly runtime: ModelRuntime;
  readonly id: number;
}): Promise<Uint8Array> {
  const { run, runtime, id } = options;
  const sampler = await openAutoBatchedSampler(run, runtime, { search: false });
  try {
    return await sampler.sample(requestFrom(id, 1, run.config.sampler));
  } finally {
    await sampler.close();
  }
}

/** The error for an id that is in no shard, with the reason. */
async function removedError(run: Run, unit: Unit, id: number): Promise<Cifar5mError> {
  const path = run.folder.removals(unit);
  const isKnown =
    (await fileExists(path)) && (await readReceiptIfAny(run.folder.receipt("dedup", unit.name))) !== undefined;
  if (!isKnown) {
    const what = `id ${id} is not in ${run.folder.shard(unit)}, and ${path}, which would say why, was deleted`;
    return new Cifar5mError("regenerate/removed", `${what}. Choose another id.`);
  }
  await readUnitFile(run, "dedup", unit, path);
  const removal = (await readRemovals(path)).find((candidate) => candidate.id === id);
  if (removal === undefined && run.config.balance) {
    return new Cifar5mError(
      "regenerate/removed",
      `id ${id} was left out because its label has enough images without it (balance). Choose another id.`,
    );
  }
  if (removal === undefined) {
    return new Cifar5mError(
      "regenerate/not-stored",
      `id ${id} must be in ${run.folder.shard(unit)} or in ${path}, and is in neither. Run \`cifar5m verify\`.`,
    );
  }
  const { reason, mirrored, partner } = removal;
  const copy = mirrored ? "the mirror image of" : "a copy of";
  const similar = mirrored ? "resembling the mirror image of" : "resembling";
  const [train, test] = [`CIFAR-10 train image ${partner}`, `CIFAR-10 test image ${partner}`];
  const what = {
    "duplicate-of-cifar10-train": `${copy} ${train}`,
    "duplicate-of-cifar10-test": `${copy} ${test}`,
    "duplicate-within-set": `${copy} id ${partner}`,
    "near-copy-of-cifar10-train": `${similar} ${train}`,
    "memorized-from-cifar10-train": `${similar} ${train}`,
    "leak-from-cifar10-test": `${similar} ${test}`,
  }[reason];
  return new Cifar5mError(
    "regenerate/removed",
    `id ${id} was removed as ${what} (${reason}), see ${path}. Choose another id.`,
  );
}
