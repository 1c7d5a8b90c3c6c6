import { fingerprintImages } from "../../core/image-fingerprint.ts";
import type { Run } from "../run/run.ts";
import type { UnitWork } from "../run/stage.ts";
import { readSamples } from "../run/unit-files.ts";
import { unitRows } from "../run/units.ts";

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
      await sink.write(fingerprints ?? fingerprintImages(await readSamples(run, unit)));
      context.count("fingerprint/images", unitRows(unit));
      return unitRows(unit);
    },
  };
}
