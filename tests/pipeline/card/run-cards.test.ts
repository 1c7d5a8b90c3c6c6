import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findModelOrigin, readCardRows } from "../../../pipeline/card/model-origin.ts";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { shippedFile } from "../../../pipeline/run/shipped-files.ts";
import { readManifest } from "../../../shards/format/manifest-file.ts";
import { uploadDataset } from "../../../shards/index.ts";
import { sealJson } from "../../../storage/canonical-json.ts";
import { sha256 } from "../../../storage/sha256.ts";
import { makeCifar10 } from "../../support/make-cifar-10.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { runBuild } from "../../support/run-build.ts";
import { standInRuntime } from "../../support/stand-in-runtime.ts";
import { runExport } from "../export/run-export.ts";
import { makeImages } from "../import/make-images.ts";
import { makeNpy, makeZip } from "../import/make-npz.ts";
import { runImport } from "../import/run-import.ts";
import { makeCard, readCard } from "./make-card.ts";

const { signal } = new AbortController();
const companions = ["README.md", "contact-sheet.png", "croissant.json"];

/** A finished run of stand-in models. @returns its folder */
async function makeRun(): Promise<string> {
  const folder = await makeTestFolder();
  await makeCifar10(join(folder, "cifar-10"));
  const root = join(folder, "run");
  await runBuild({ root, runtime: standInRuntime(), sources: { data: join(folder, "cifar-10") } });
  return root;
}

test("a build leaves a card that says how its models were trained, and a repeated build leaves the same", async () => {
  const root = await makeRun();
  const { head, text, whole } = await readCard(join(root, "dataset"));
  const { models } = await readManifest(join(root, "dataset"));
  for (const hash of Object.values(models)) expect(text).toContain(hash);
  expect(text).toContain("trained on CIFAR-10 train in the run of this set");
  expect(text).toMatch(/cifar5m fetch runs\/mine .*\ncifar5m train generator .*\ncifar5m train labeler /);
  expect(text).toMatch(/\| generator\\.numImages \| [\d]+ \|/);
  expect(head["task_categories"]).toEqual(["image-classification", "unconditional-image-generation"]);
  await rm(join(root, "dataset", "README.md"));
  await runBuild({ root, runtime: standInRuntime(), sources: { data: join(root, "..", "cifar-10") } });
  expect((await readCard(join(root, "dataset"))).whole).toBe(whole);
});

test("an imported set says that it was imported, and claims no models", async () => {
  const folder = await makeTestFolder();
  const { images, labels } = makeImages("card", 25);
  const members = [
    { name: "X.npy", bytes: makeNpy("|u1", [25, 32, 32, 3], images) },
    { name: "Y.npy", bytes: makeNpy("|u1", [25], labels) },
  ];
  await writeFile(join(folder, "set.npz"), makeZip(members));
  await runImport({ root: join(folder, "run"), path: join(folder, "set.npz"), testCount: 5 });
  const { head, text } = await readCard(join(folder, "run", "dataset"));
  expect(text).toContain("It was imported, not generated.");
  expect(text).toContain("cifar5m import runs/mine");
  expect(text).not.toContain("### Models");
  expect(head["tags"]).not.toContain("synthetic");
  expect(head["task_categories"]).toEqual(["image-classification"]);
});

test("a card shows the figures of a score, also of version 1, and not those of another set or an edited file", async () => {
  const root = await makeRun();
  const { name, sha256: hash } = await readManifest(join(root, "dataset"));
  const scores = (frechetDistance: number) => ({
    count: 50,
    frechetDistance,
    compared: { count: 50, reference: 50 },
    manifold: { precision: 0.5, recall: 0.25, density: 1, coverage: 0.75 },
  });
  const score = {
    version: 2,
    createdBy: "cifar5m tests",
    seed: 0,
    dataset: { name, sha256: hash, trainImages: 50 },
    reference: { name: "CIFAR-10 train", count: 30, sha256: hash },
    features: { network: "judge", sha256: hash, width: 256 },
    synthetic: scores(47.1),
    cifar10Test: scores(1.4),
    labels: { count: 50, agreement: 0.88, meanConfidence: 0.9, classShares: { cat: 0.1, dog: 0.9 } },
    neighbors: { count: 50, memorized: 3, memorizedAdaptive: 2, medianRatio: 0.9 },
    classification: {
      trainCount: 50,
      testCount: { cifar10: 30, synthetic: 21 },
      epochs: 2,
      error: { cifar10: { cifar10: 0.1, synthetic: 0.2 }, synthetic: { cifar10: 0.3, synthetic: 0.4 } },
    },
  };
  await writeFile(join(root, "score.json"), sealJson(score));
  const { text } = await makeCard(root);
  expect(text).toMatch(/\| cifar5m, N = 50 \| 47\.10 \| 0\.500 \|/);
  expect(text).toMatch(/\| trained on 50 synthetic \| 0\.300 \| 0\.400 \|/);
  expect(text).not.toContain("as many");
  expect(text).toContain("Memorized train images among 50: 3 with");
  const { error } = score.classification;
  const withBoth = { ...score.classification, error: { ...error, both: { cifar10: 0.05, synthetic: 0.25 } } };
  await writeFile(join(root, "score.json"), sealJson({ ...score, classification: withBoth }));
  expect((await makeCard(root)).text).toMatch(/\| trained on 50 CIFAR-10 and as many synthetic \| 0\.050 \| 0\.250 \|/);
  expect(text).toContain("88.0% agree with the class");
  await writeFile(join(root, "score.json"), sealJson({ ...score, dataset: { ...score.dataset, sha256: "00" } }));
  expect((await makeCard(root)).text).toContain("Not scored: `score.json` is of another set.");
  const neighbors = { count: 50, nearCopies: 4, adaptiveNearCopies: 1, medianRatio: 0.9 };
  await writeFile(join(root, "score.json"), sealJson({ ...score, version: 1, neighbors }));
  const { text: ofVersion1 } = await makeCard(root);
  expect(ofVersion1).toContain("Memorized train images among 50: 4 with");
  expect(ofVersion1).toContain("1 by the adaptive test");
  await writeFile(join(root, "score.json"), sealJson(score).replace("47.1", "7.1"));
  const { text: ofEdited } = await makeCard(root);
  expect(ofEdited).toContain("Not scored: `score.json` could not be read.");
  expect(ofEdited).not.toContain("7.1");
  await writeFile(join(root, "score.json"), sealJson({ ...score, version: 3 }));
  expect((await makeCard(root)).text).toContain("Not scored: `score.json` could not be read.");
});

test("every shipped model is recognized by its hash, with the figures of its card", async () => {
  for (const [name, file] of [
    ["generator", "generator"],
    ["generator", "tuned"],
    ["labeler", "labeler"],
  ] as const) {
    const hash = sha256(await readFile(shippedFile(`${file}.safetensors`)));
    const origin = await findModelOrigin(name, hash, resolveConfig({}), undefined);
    expect(origin).toMatchObject({ kind: "shipped", file: `weights/${file}.safetensors`, isDefault: file === name });
    const card = origin.kind === "shipped" ? origin.card : [];
    expect(card.find(([what]) => what === "file")?.[1]).toContain(hash);
    expect(card.length).toBeGreaterThan(3);
  }
  expect(readCardRows("| tuned from | [`a.b`](c.md), **2** |")).toEqual([["tuned from", "a.b, 2"]]);
});

test("an upload carries the card, replaces an older one, and keeps one that somebody edited at the target", async () => {
  const [root, to] = [await makeRun(), join(await makeTestFolder(), "published")];
  const directory = join(root, "dataset");
  await uploadDataset({ directory, to, signal });
  expect((await readdir(to)).sort()).toEqual([...companions, "manifest.json", "test", "train"].sort());
  const same = async (name: string) =>
    expect(await readFile(join(to, name))).toEqual(await readFile(join(directory, name)));
  for (const name of companions) await same(name);
  await makeCard(root, { given: { license: "mit" } });
  await uploadDataset({ directory, to, signal });
  await same("README.md");
  await writeFile(join(to, "README.md"), "Their own words.\n");
  await uploadDataset({ directory, to, signal });
  expect(await readFile(join(to, "README.md"), "utf8")).toBe("Their own words.\n");
  await writeFile(join(directory, "README.md"), "My own words.\n");
  await uploadDataset({ directory, to, signal });
  await same("README.md");
});

test("a Parquet export has a card of its own files, and one split's has only that", async () => {
  const [root, target] = [await makeRun(), join(await makeTestFolder(), "out")];
  await runExport({ location: root, target, format: "parquet" });
  const { head } = await readCard(target);
  expect(head["configs"]).toEqual([
    {
      config_name: "default",
      data_files: [
        { split: "train", path: "train/part-*.parquet" },
        { split: "test", path: "test/part-*.parquet" },
      ],
    },
  ]);
  await runExport({ location: root, target: `${target}-test`, format: "parquet", splits: ["test"] });
  const { head: ofTest, text } = await readCard(`${target}-test`);
  expect(ofTest["dataset_info"]).toMatchObject({ splits: [{ name: "test", num_examples: 21 }] });
  expect(text).toContain('dataset["test"][0]');
});
