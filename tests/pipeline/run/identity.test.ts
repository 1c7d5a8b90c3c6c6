import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { JsonSchema } from "../../../core/json-schema.ts";
import type { TuningMethod } from "../../../generator/index.ts";
import { trainModel } from "../../../pipeline/models/train-model.ts";
import {
  type Config,
  configJsonSchema,
  keysOutsideTheDataset,
  mergeConfigs,
  type PartialConfig,
  resolveConfig,
} from "../../../pipeline/run/config.ts";
import { leavesOf, nest } from "../../../pipeline/run/config-keys.ts";
import { datasetIdentity, fixedSizeIdentity } from "../../../pipeline/run/dataset-identity.ts";
import { recipes } from "../../../pipeline/run/recipes.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { hashOfClassifiers } from "../../../pipeline/score/cross-errors.ts";
import { samplingIdentity } from "../../../pipeline/score/plan-rows.ts";
import { hashConfig } from "../../../storage/canonical-json.ts";
import { type Identity, readPinnedConfig } from "../../../storage/pin-config.ts";
import { makeCifar10, recordsPerFile } from "../../support/make-cifar-10.ts";
import { fetchInto, testContext } from "../../support/run-build.ts";
import { standInRuntime } from "../../support/stand-in-runtime.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-identity-"));
  await makeCifar10(join(folder, "cifar-10"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const hashOf = (partial: PartialConfig) => hashConfig(datasetIdentity(resolveConfig(partial)));
const images = { set: "a set", cifar10: "CIFAR-10", trainCount: 100 };

/** What a training pins. */
async function trainingIdentity(
  name: "generator" | "labeler",
  partial: PartialConfig,
  { tune }: { readonly tune?: TuningMethod } = {},
): Promise<Identity> {
  const run = runFolderAt(await mkdtemp(join(folder, "run-")));
  const context = testContext();
  await fetchInto(run, join(folder, "cifar-10"));
  const config = resolveConfig({ recordsPerFile, ...partial });
  await trainModel({ folder: run, name, config, runtime: standInRuntime(), tune }, context);
  return (await readPinnedConfig(run.modelConfig(name)))!;
}

/** Another value of a key. */
function another(schema: JsonSchema, value: unknown): unknown {
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return value + 1;
  if (Array.isArray(value)) return [...value, 1];
  const choices = schema.enum ?? schema.anyOf?.map((choice) => choice.const ?? 3);
  return choices?.find((choice) => choice !== value) ?? "cuda";
}

test("each key of the configuration is either in the hash of a data set or named as outside it", () => {
  const before = resolveConfig({});
  const named = new Set<string>();
  for (const { key, schema } of leavesOf(configJsonSchema)) {
    const value = key.split(".").reduce<unknown>((inner, name) => (inner as Record<string, unknown>)[name], before);
    const after = mergeConfigs(before, nest(key, another(schema, value))) as Config;
    const [name] = [key, key.split(".")[0]!].filter((outside) => keysOutsideTheDataset.has(outside));
    if (name !== undefined) named.add(name);
    const isInside = hashConfig(datasetIdentity(after)) !== hashConfig(datasetIdentity(before));
    expect(isInside, key).toBe(name === undefined);
  }
  for (const name of keysOutsideTheDataset) {
    const isPartOfNamed = [...named].some((section) => name.startsWith(`${section}.`));
    expect(named.has(name) || isPartOfNamed, `${name} is a key`).toBe(true);
  }
});

test("hashes of data sets and trainings equal those of earlier releases", async () => {
  // Their default was no guidance and a million test images, and `tuned` began at noise level 80.
  const plain = { sampler: { guidance: 1, steps: 10 } };
  const fixedHashOf = (partial: PartialConfig) =>
    hashConfig(fixedSizeIdentity(resolveConfig(mergeConfigs(plain, partial))));
  expect(fixedHashOf({})).toBe("a1ba76ce304e035a6392e1648c780ab0d139c018f7278a1ca1f89f6f46a5ead5");
  expect(fixedHashOf(mergeConfigs(recipes.tuned, { sampler: { sigmaMax: 80 } }))).toBe(
    "2075edbb1819c46b3d91078c447d7a37d3696c29fb463646d0cbc88fb62fb105",
  );
  expect(fixedHashOf(recipes.original)).toBe("fcb4f12bd2d046ad8ca4a911c6395e4775ef86f70a28a962d6b697cf30b5171b");
  expect(fixedHashOf({ device: "cuda:1" })).toBe("020b975604745499ece9f57e8217822adf0869e052963ead54b0481805a79471");
  const mixed = { precision: "mixed", device: "cuda" };
  expect(fixedHashOf(mixed)).toBe("466da823f898a24058bb82839747646c0d50a69e5bb72cbe14aa3fa6a28fa6fa");
  const other = { engine: "tfjs", seed: 7, count: 100, testCount: 1_000_000, sampler: { batchSize: 3 } };
  expect(fixedHashOf(other)).toBe("72c11b520d444ee097326585433687bd6214f8052225d31e956a1f8116478ba3");

  const labelerHash = async (partial: PartialConfig) => {
    const identity = await trainingIdentity("labeler", partial);
    // Options that those releases did not have.
    const {
      optimizer: _,
      muonLearningRate: __,
      muonWeightDecay: ___,
      jpeg: ____,
      heldOut: _____,
      padded: ______,
      ...options
    } = identity["options"] as Identity;
    return hashConfig({ ...identity, options });
  };
  expect(await labelerHash({})).toBe("6989567cd0f33c0fc28a90a1ea4746e8a7424f20605afddbd7cfc36aeb154c4a");
  expect(await labelerHash({ device: "cuda:1" })).toBe(
    "b77d9b037ebc8e5e63ddaa8eee612c70628f0d2cdf8af23dc12d1194dbe287ca",
  );
  expect(await labelerHash({ precision: "mixed" })).toBe(
    "85aee8f727f369ed261250579d3dfe4671971cee68c8d375a77b9655d7529ed5",
  );
  expect(hashConfig(samplingIdentity(resolveConfig(plain)))).toBe(
    "ea43a5bf32b0f11fb46fe21d50ce1c6072356a7b3985b6b545adcf981f018c63",
  );
});

test("no hash includes the number of the GPU, and each includes the precision", async () => {
  const hashes = async (partial: PartialConfig) => {
    const config = resolveConfig(partial);
    const trainings = [
      await trainingIdentity("generator", partial),
      await trainingIdentity("generator", partial, { tune: "consistency" }),
      await trainingIdentity("generator", partial, { tune: "adversarial" }),
      await trainingIdentity("labeler", partial),
    ];
    return [
      hashOf(partial),
      ...trainings.map(hashConfig),
      hashOfClassifiers(images, config),
      hashConfig(samplingIdentity(config)),
    ];
  };
  const first = await hashes({ device: "cuda" });
  expect(await hashes({ device: "cuda:1" })).toEqual(first);
  const mixed = await hashes({ device: "cuda", precision: "mixed" });
  expect(new Set([...first, ...mixed]).size).toBe(2 * first.length);
});
