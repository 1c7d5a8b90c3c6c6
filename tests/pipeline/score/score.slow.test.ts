import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readCifar10 } from "../../../pipeline/cifar-10/read-cifar-10.ts";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { compareSamplersSteps } from "../../../pipeline/score/compare-samplers.ts";
import type { GeneratorScore } from "../../../pipeline/score/generator-score.ts";
import type { Score } from "../../../pipeline/score/score.ts";
import { scoreDatasetSteps } from "../../../pipeline/score/score-dataset.ts";
import { writeManifest } from "../../../shards/format/manifest-file.ts";
import { sealJson, unsealJson } from "../../../storage/canonical-json.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeCifar10 } from "../../support/make-cifar-10.ts";
import { makeDataset } from "../../support/make-rows.ts";
import { runBuild, runSteps, smallConfig, testContext } from "../../support/run-build.ts";
import { mirrored, standInRuntime } from "../../support/stand-in-runtime.ts";
import { makeFeatureFile } from "./make-feature-file.ts";

const records = 30;
const config = resolveConfig({ ...smallConfig, recordsPerFile: records, labeler: { batchSize: 10 } });
let folder: string;
let root: string;
let data: string;
let features: { onnx: string };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-score-"));
  [root, data, features] = [join(folder, "run"), join(folder, "cifar-10"), { onnx: join(folder, "features.onnx") }];
  await makeCifar10(data, records);
  await makeFeatureFile(features.onnx);
  const { images } = (await readCifar10(data, records)).train;
  // Near a train image, but no copy, which would be removed.
  const near = mirrored(images.subarray(7 * 3072, 8 * 3072)).map((value, index) => (index < 30 ? 255 - value : value));
  await runBuild({ root, runtime: standInRuntime({ planted: new Map([[3, near]]) }), sources: { data }, config });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function scoreOptions(more: Partial<Parameters<typeof scoreDatasetSteps>[0]> = {}) {
  const runtime = standInRuntime();
  return { folder: runFolderAt(root), config, runtime, features, numImages: 1000, numNeighbors: 1000, ...more };
}

async function readJson<Value>(path: string): Promise<Value> {
  return unsealJson(await readFile(path, "utf8"), path) as Value;
}

test("a set is scored with every figure, its numbers of images and its reference", async () => {
  await runSteps(await scoreDatasetSteps(scoreOptions({ numClassified: 40 })), testContext());
  const score = await readJson<Score>(join(root, "score.json"));
  expect(score).toMatchObject({
    version: 2,
    reference: { name: "CIFAR-10 train", count: 5 * records },
    features: { network: "features.onnx", width: 6 },
    synthetic: { count: 50, compared: { count: 50, reference: 50 } },
    cifar10Test: { count: records },
    labels: { count: 50 },
    neighbors: { count: 50, memorized: 1 },
    generator: { nfe: 13 },
    classification: { trainCount: 40, testCount: { cifar10: records, synthetic: 21 } },
  });
  expect(score.synthetic.frechetDistance).toBeGreaterThan(0);
  expect(Object.values(score.labels.classShares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
  // The stand-in labeler looks at the first byte, as it did for the set's labels.
  const { error } = score.classification!;
  expect([error.cifar10.synthetic, error.synthetic.synthetic, error.both!.synthetic]).toEqual([0, 0, 0]);
  const card = await readFile(join(root, "score.md"), "utf8");
  expect(card).toContain("| cifar5m, N = 50 |");
  expect(card).toContain("trained on 40 synthetic");
  expect(card).toContain("trained on 40 CIFAR-10 and as many synthetic");
  const { width } = await sharp(await readFile(join(root, "score-neighbors.png"))).metadata();
  expect(width).toBeGreaterThan(1000);
});

test("scoring again gives the same bytes, and trains nothing again", async () => {
  const kept = join(root, "scoring");
  const before = await readJson<Score>(join(root, "score.json"));
  const [classifiers] = (await readdir(kept)).filter((name) => name.startsWith("classifiers-"));
  const written = async () => (await stat(join(kept, classifiers!, "synthetic.safetensors"))).mtimeMs;
  const time = await written();
  await runSteps(await scoreDatasetSteps(scoreOptions({ numClassified: 40 })), testContext());
  const { generator, ...after } = await readJson<Score>(join(root, "score.json"));
  expect(generator).toBeDefined();
  expect({ ...before, ...after }).toEqual(before);
  expect(await written()).toBe(time);
});

test("sets that cannot be scored are refused before any work", async () => {
  const none = await errorOf(
    () => scoreDatasetSteps(scoreOptions({ folder: runFolderAt(join(root, "dataset")) })),
    "run/data-missing",
  );
  expect(none.message).toContain("--data");
  await errorOf(() => scoreDatasetSteps(scoreOptions({ data: join(folder, "none") })), "disk/missing");
  await errorOf(() => scoreDatasetSteps(scoreOptions({ folder: runFolderAt(folder) })), "manifest/missing");
  await errorOf(() => scoreDatasetSteps(scoreOptions({ features: { onnx: data } })), "disk/is-a-folder");
  const labeler = join(folder, "labeler.safetensors");
  await errorOf(() => scoreDatasetSteps(scoreOptions({ features: { labeler } as never })), "disk/missing");
  const { message } = await errorOf(() => scoreDatasetSteps(scoreOptions({ numImages: 6 })), "score/too-few-images");
  expect(message).toContain("6 features needs more than 6 images, got 6 of cifar5m");
});

test("classifiers are trained on no set of other classes, or without test images", async () => {
  const set = join(folder, "untested");
  const { version: _, sha256: __, ...manifest } = await makeDataset(set, { train: 30, test: 0, rowsPerShard: 30 });
  const scoring = () => scoreDatasetSteps(scoreOptions({ folder: runFolderAt(set), data, numClassified: 20 }));
  expect((await errorOf(scoring, "score/no-test-images")).message).toBe(
    `${set} must have test images for --cas, which tests on held-out images, and has none. Build with --test-count, or leave --cas out.`,
  );
  await rm(join(set, "manifest.json"));
  await writeManifest(set, { ...manifest, classNames: manifest.classNames.with(3, "lynx") });
  expect((await errorOf(scoring, "score/other-classes")).message).toMatch(
    /must have the ten classes of CIFAR-10 for --cas, got airplane, .*, lynx, .*\. Leave --cas out\.$/,
  );
  expect((await readdir(set)).sort()).toEqual(["manifest.json", "train"]);
});

test("generators are compared row by row, and an interrupted comparison continues where it stopped", async () => {
  const rows = join(folder, "rows.json");
  await writeFile(rows, JSON.stringify([{ sampler: { steps: 2 } }, { name: "many", sampler: { steps: 9 } }]));
  const runtime = standInRuntime();
  const options = { folder: runFolderAt(root), config, runtime, features, rows, numImages: 540 };
  const controller = new AbortController();
  const interrupted = { ...testContext(), signal: controller.signal };
  const stopAt = { ...interrupted, count: (name: string) => name === "many/images" && controller.abort() };
  const steps = await compareSamplersSteps(options);
  await expect(runSteps(steps, stopAt as never)).rejects.toThrow();
  const half = await readJson<GeneratorScore>(join(root, "generator-score.json"));
  expect(half.rows.map(({ name }) => name)).toEqual(["steps 2"]);

  const sampledIds: number[] = [];
  const counting = {
    ...runtime,
    openSampler: async (...parameters: Parameters<typeof runtime.openSampler>) => {
      const sampler = await runtime.openSampler(...parameters);
      const sample: typeof sampler.sample = (request) => {
        sampledIds.push(...Array.from(request.ids));
        return sampler.sample(request);
      };
      return { ...sampler, sample };
    },
  };
  await runSteps(await compareSamplersSteps({ ...options, runtime: counting }), testContext());
  // The first row was done, and so were the first 500 images of the second.
  expect(sampledIds.slice(0, 40)).toEqual(Array.from({ length: 40 }, (_, index) => 500 + index));
  // The following ids are the first ones, repeatedly, for the timing of both rows.
  expect(Math.max(...sampledIds.slice(40))).toBeLessThan(500);
  const whole = await readJson<GeneratorScore>(join(root, "generator-score.json"));
  expect(whole.rows.map(({ name, nfe, count }) => [name, nfe, count])).toEqual([
    ["steps 2", 2, 540],
    ["many", 9, 540],
  ]);
  expect(whole.rows[0]).toEqual({ ...half.rows[0], imagesPerSecond: expect.any(Number) });
  // Steps change nothing about the stand-in's images.
  expect(whole.rows[1]!.frechetDistance).toBe(whole.rows[0]!.frechetDistance);
  expect(whole.rows[1]!.agreement).toBeCloseTo(0.1, 1);
  const svg = await readFile(join(root, "generator-score.svg"), "utf8");
  expect(svg).toContain(">9<");
  expect((await sharp(await readFile(join(root, "generator-score.png"))).metadata()).width).toBeGreaterThan(800);
  expect((await readdir(join(root, "scoring"))).filter((name) => name.startsWith("images-"))).toEqual([]);
});

test("a row of an earlier list is not generated again, though another list came between", async () => {
  const lists = [[{ sampler: { steps: 2 } }], [{ sampler: { steps: 3 } }], [{ sampler: { steps: 2 } }]];
  const rows = join(folder, "lists.json");
  const other = runFolderAt(join(folder, "lists"));
  let numKept = 0;
  for (const list of lists) {
    await writeFile(rows, JSON.stringify(list));
    const options = { folder: other, config, runtime: standInRuntime(), features, rows, numImages: 20, data };
    const context = testContext();
    await runSteps(await compareSamplersSteps(options), context);
    numKept = context.counts.get("steps 2/kept") ?? 0;
  }
  expect(numKept).toBe(20);
  const { rows: shown, otherRows } = await readJson<GeneratorScore>(other.generatorScore.json);
  expect([shown, otherRows!].map((part) => part.map(({ name }) => name))).toEqual([["steps 2"], ["steps 3"]]);
});

test("a score of generators that another release wrote is refused by its file, and kept", async () => {
  const other = runFolderAt(join(folder, "other-release"));
  const path = other.generatorScore.json;
  const text = sealJson({ ...(await readJson<object>(join(root, "generator-score.json"))), version: 2 });
  await mkdir(dirname(path));
  await writeFile(path, text);
  const options = { folder: other, config, runtime: standInRuntime(), features, numImages: 20, data };
  const { message } = await errorOf(() => compareSamplersSteps(options), "score/unreadable");
  expect(message).toBe(`${path}: version must be 1, got 2. Use the cifar5m that wrote it, or delete it to start anew.`);
  expect(await readFile(path, "utf8")).toBe(text);
});

test.for([
  ["no list", "{}", "score/bad-rows", "it is not an array, or is empty"],
  ["no JSON", "[", "score/bad-rows", "JSON"],
  ["a name twice", '[{"name": "a"}, {"name": "a", "sampler": {"steps": 2}}]', "score/bad-rows", 'named "a"'],
  ["an unknown key", '[{"sampler": {"stepz": 2}}]', "config/unknown-key", "sampler.stepz"],
  ["a value out of range", '[{"sampler": {"steps": 0}}]', "config/out-of-range", "sampler.steps"],
  ["weights that are not there", '[{"weights": "none.safetensors"}]', "disk/missing", "none.safetensors"],
] as const)("rows with %s are refused before any work", async ([, text, code, part]) => {
  const rows = join(folder, "bad-rows.json");
  await writeFile(rows, text);
  const options = { folder: runFolderAt(root), config, runtime: standInRuntime(), features, rows, numImages: 20 };
  expect((await errorOf(() => compareSamplersSteps(options), code)).message).toContain(part);
});
