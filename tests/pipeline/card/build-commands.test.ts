import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { buildCommands } from "../../../pipeline/card/build-commands.ts";
import { type PartialConfig, resolveConfig } from "../../../pipeline/run/config.ts";
import { datasetIdentity } from "../../../pipeline/run/dataset-identity.ts";
import { recipes } from "../../../pipeline/run/recipes.ts";
import { hashConfig } from "../../../storage/canonical-json.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { runInProcess } from "../../support/run-in-process.ts";

const shipped = {
  kind: "shipped",
  sha256: "0".repeat(64),
  file: "weights/x.safetensors",
  isDefault: true,
  card: [],
} as const;
const models = { generator: shipped, labeler: shipped };

/** The words of a command line, as a shell cuts it. */
const wordsOf = (command: string) =>
  [...command.replaceAll("\\\n", " ").matchAll(/'((?:[^']|'\\'')*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);

/** Configurations as runs have them. */
const configs = fc
  .record({
    recipe: fc.constantFrom(...Object.values(recipes), {}),
    seed: fc.nat(),
    count: fc.integer({ min: 10, max: 1e7 }),
    testCount: fc.oneof(fc.constant(0), fc.integer({ min: 10, max: 1e6 })),
    unitSize: fc.integer({ min: 100, max: 500_000 }),
    precision: fc.constantFrom("float32", "mixed"),
    dropNearCopies: fc.boolean(),
    balance: fc.boolean(),
    sampler: fc.record(
      {
        guidance: fc.constantFrom(1, 1.5, 3),
        guidanceMin: fc.constantFrom(0, 0.01),
        guidanceMax: fc.constantFrom(50, 1000),
        steps: fc.integer({ min: 4, max: 50 }),
        batchSize: fc.constantFrom("auto", 16),
        sigmaMin: fc.double({ min: 0.001, max: 0.9, noNaN: true }),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ recipe, ...others }): PartialConfig => {
    const { sampler = {} } = recipe as { readonly sampler?: { readonly conditional?: boolean } };
    const guided = sampler.conditional === false ? { guidance: 1 } : {};
    return { ...others, sampler: { ...sampler, ...others.sampler, ...guided } };
  })
  .map(resolveConfig);

test("the command of a card, given to the program, resolves to the hash of the set's configuration", async () => {
  const folder = join(await makeTestFolder(), "run");
  await fc.assert(
    fc.asyncProperty(configs, async (config) => {
      const command = buildCommands(config, models).at(-1);
      const [program, word, run, ...flags] = wordsOf(command!);
      expect([program, word, run]).toEqual(["cifar5m", "build", "runs/mine"]);
      const { stdout, stderr } = await runInProcess([word!, folder, ...flags, "--dry-run"]);
      expect(stderr).toBe("");
      expect((JSON.parse(stdout) as { hash: string }).hash).toBe(hashConfig(datasetIdentity(config)));
    }),
    { numRuns: 25 },
  );
});

test("models that the package does not have are named by their hash, and trained ones by their training", () => {
  const given = { kind: "given", sha256: "ab".repeat(32) } as const;
  const config = resolveConfig({ count: 10, testCount: 2 });
  const trained = {
    kind: "trained",
    sha256: "cd".repeat(32),
    section: "labeler",
    config: resolveConfig({ seed: 7, labeler: { epochs: 3 } }),
    initialWeights: undefined,
    labeler: undefined,
  } as const;
  expect(buildCommands(config, { generator: given, labeler: trained })).toEqual([
    "cifar5m fetch runs/mine --data CIFAR-10-FOLDER-OR-TAR.GZ",
    "cifar5m train labeler runs/mine --seed 7 --labeler.epochs 3",
    "cifar5m build runs/mine --count 10 --test-count 2 --generator FILE-OF-SHA256-abababababab",
  ]);
});

test("a value cannot end its word in the shell", () => {
  const config = { ...resolveConfig({ count: 1, testCount: 0 }), device: "cpu'; rm -rf /\n`x`" };
  const [command] = buildCommands(config, models);
  expect(command).toContain(`--device 'cpu'\\''; rm -rf /\\n\`x\`'`);
});
