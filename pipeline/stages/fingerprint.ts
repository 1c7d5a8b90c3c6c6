import { fingerprintImages } from "../../core/image-fingerprint.ts";
import { readShard } from "../../shards/format/read-shard.ts";
import { fileExists } from "../../storage/read-file.ts";
import { readReceiptIfAny } from "../../storage/receipt.ts";
import type { Run } from "../run/run.ts";
import type { UnitWork } from "../run/stage.ts";
import { readSamples, readUnitFile } from "../run/unit-files.ts";
import { type Unit, unitRows } from "../run/units.ts";

/**
 * Fingerprints the samples of a unit: 16 bytes an image.
 * @param options.models - sha256 of `generator`
 * @param options.fingerprints - those of the unit, if they are known; by default its samples are read
 */
export function fingerprintWork(options: {
  readonly run: Run;
  readonly models: { readonly generator: string };
  readonly fingerprints?: Uint8Array | undefined;
}): UnitWork {
  const { run, models, fingerprints } = options;
  return {
    name: "fingerprint",
    run,
    models: { generator: models.generator },
    pathOf: run.folder.fingerprints,
    write: async (unit, sink, context) => {
      await sink.write(fingerprints ?? fingerprintImages(await readImages(run, unit)));
      context.count("fingerprint/images", unitRows(unit));
      return unitRows(unit);
    },
  };
}

/** The samples of a unit. If they were deleted after the unit was published whole, its shard has them. */
async function readImages(run: Run, unit: Unit): Promise<Uint8Array> {
  if (await fileExists(run.folder.samples(unit))) return await readSamples(run, unit);
  const path = run.folder.shard(unit);
  const isPublished = (await readReceiptIfAny(run.folder.receipt("publish", unit.name)))?.rows === unitRows(unit);
  if (!isPublished || !(await fileExists(path))) return await readSamples(run, unit);
  await readUnitFile(run, "publish", unit, path);
  return (await readShard(path)).columns.image;
}
