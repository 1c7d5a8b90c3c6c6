import { executionIdentity } from "../../engine/executor.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { readWholeFile } from "../../storage/read-file.ts";
import { sha256 } from "../../storage/sha256.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import { readModel, readModelReceipt } from "../models/models.ts";
import { withGuide } from "../models/read-model-file.ts";
import { type Config, keysOutsideTheBytes, samplerIdentity } from "../run/config.ts";
import { omitKeys } from "../run/config-keys.ts";
import type { ModelName, RunFolder } from "../run/run-folder.ts";
import { shippedModel } from "../run/shipped-files.ts";
import type { SamplerRow } from "./sampler-rows.ts";

/** A row with its weights. */
export interface PlannedRow extends SamplerRow {
  readonly bytes: Uint8Array;
  /** Hash of everything that determines the images and the figures. */
  readonly key: string;
}

/**
 * Reads the weights of all rows, and checks that they open.
 * @param options.identity - everything else that determines the figures, for the keys of the rows
 * @param options.defaultWeights - weights of the rows that name none
 * @throws Cifar5mError `weights/…`, `model/…`, `disk/…`
 */
export async function planRows(
  samplerRows: readonly SamplerRow[],
  options: {
    readonly runtime: ModelRuntime;
    readonly identity: Readonly<Record<string, unknown>>;
    readonly defaultWeights: Uint8Array;
  },
): Promise<readonly PlannedRow[]> {
  const { runtime, identity, defaultWeights } = options;
  const planned: PlannedRow[] = [];
  for (const row of samplerRows) {
    const weights = row.weights === undefined ? defaultWeights : await readWholeFile(row.weights);
    const bytes = await withGuide(weights, row.weights ?? "the generator", row.guide);
    // Open each file now, so that a file that is not a generator is found before hours of work.
    await (await runtime.openSampler(row.config, bytes)).close();
    planned.push({
      ...row,
      bytes,
      key: hashConfig({ ...identity, ...samplingIdentity(row.config), generator: sha256(bytes) }),
    });
  }
  return planned;
}

/** Everything that determines the images of a row, except for the weights. */
export function samplingIdentity(config: Config): Readonly<Record<string, unknown>> {
  return {
    ...executionIdentity(config),
    ...omitKeys({ sampler: samplerIdentity(config.sampler) }, keysOutsideTheBytes),
  };
}

/** A model from a file, or else from the run, or else from this package. */
export async function modelOf(
  { folder, config }: { readonly folder: RunFolder; readonly config: Config },
  name: ModelName,
  file: string | undefined,
): Promise<Uint8Array> {
  if (file !== undefined) return await readWholeFile(file);
  const isThere = (await readModelReceipt(folder, name)) !== undefined;
  return isThere ? await readModel(folder, name) : await readWholeFile(shippedModel(name, config));
}
