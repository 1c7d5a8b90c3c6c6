import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { readPinnedConfig } from "../../storage/pin-config.ts";
import { readUndamaged } from "../../storage/receipt.ts";
import { sha256 } from "../../storage/sha256.ts";
import { readModelReceipt } from "../models/models.ts";
import { type Config, type PartialConfig, resolveConfig, type TrainingSection, tuningSections } from "../run/config.ts";
import type { ModelName, RunFolder } from "../run/run-folder.ts";
import { shippedModel, shippedModels } from "../run/shipped-files.ts";

/** Where a model of a set is from, as far as that can be known here. */
export type ModelOrigin = { readonly sha256: string } & (
  | {
      /** A file of this package. */
      readonly kind: "shipped";
      /** `weights/tuned.safetensors`. */
      readonly file: string;
      /** Whether `build` takes it if none is named. */
      readonly isDefault: boolean;
      /** Rows of the model's card: what, and the figure. */
      readonly card: readonly (readonly [string, string])[];
    }
  | {
      /** Trained in the run of the set. */
      readonly kind: "trained";
      readonly section: TrainingSection;
      /** Of the training: its seed, its execution, and its section. */
      readonly config: Config;
      /** sha256, and so is `labeler`. */
      readonly initialWeights: string | undefined;
      /** The labeler whose features the discriminator of an adversarial tuning saw. */
      readonly labeler: string | undefined;
    }
  /** A file from elsewhere, or a run that is not here. */
  | { readonly kind: "given" }
);

/**
 * Finds out where a model is from.
 * @param hash - sha256 of the model, from the manifest
 * @param folder - the set's run folder, if it is here
 */
export async function findModelOrigin(
  name: ModelName,
  hash: string,
  config: Config,
  folder: RunFolder | undefined,
): Promise<ModelOrigin> {
  for (const path of shippedModels(name)) {
    if (sha256(await readFile(path)) !== hash) continue;
    return {
      kind: "shipped",
      sha256: hash,
      file: `weights/${basename(path)}`,
      isDefault: shippedModel(name, config) === path,
      card: readCardRows(await readFile(path.replace(/safetensors$/, "md"), "utf8")),
    };
  }
  const trained = folder === undefined ? undefined : await readTraining(name, hash, folder);
  return trained ?? { kind: "given", sha256: hash };
}

/** How the run trained the model, if it did. */
async function readTraining(name: ModelName, hash: string, folder: RunFolder): Promise<ModelOrigin | undefined> {
  const receipt = await readUndamaged(() => readModelReceipt(folder, name));
  const pinned = await readUndamaged(() => readPinnedConfig(folder.modelConfig(name)));
  if (receipt?.sha256 !== hash || pinned === undefined) return undefined;
  const section = Object.values(tuningSections).find((tuning) => tuning in pinned) ?? name;
  const options = pinned[section === name ? "options" : section];
  const { seed, engine, device, precision, initialWeights, labeler } = pinned;
  const config = resolveIfKnown({ seed, engine, device, precision, [section]: options });
  if (config === undefined || options === undefined) return undefined;
  return {
    kind: "trained",
    sha256: hash,
    section,
    config,
    initialWeights: typeof initialWeights === "string" ? initialWeights : undefined,
    labeler: typeof labeler === "string" ? labeler : undefined,
  };
}

/** The configuration of a training; undefined for one of a release that had other options. */
function resolveIfKnown(options: PartialConfig): Config | undefined {
  try {
    return resolveConfig(options);
  } catch {
    return undefined;
  }
}

/** The rows of the table in the card of a shipped model, as plain text. */
export function readCardRows(card: string): [string, string][] {
  const plain = (text: string) =>
    text
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replaceAll(/[`*]/g, "")
      .trim();
  return card.split("\n").flatMap((line): [string, string][] => {
    const match = /^\| ([^|]+) \| ([^|]+) \|$/.exec(line);
    return match === null || match[1]!.startsWith("-") ? [] : [[plain(match[1]!), plain(match[2]!)]];
  });
}
