import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { plainText } from "../../../core/plain-text.ts";
import { sizeCategory } from "../../../pipeline/card/card-head.ts";
import { readCardOptions } from "../../../pipeline/card/card-options.ts";
import { escapeMarkdown } from "../../../pipeline/card/markdown.ts";
import { cardStep, writeCard } from "../../../pipeline/card/write-card.ts";
import { readManifest, writeManifest } from "../../../shards/format/manifest-file.ts";
import { verifyDataset } from "../../../shards/index.ts";
import { sealJson } from "../../../storage/canonical-json.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { renderMarkdown } from "../../support/render-markdown.ts";
import { runSteps, testContext } from "../../support/run-build.ts";
import { runInProcess } from "../../support/run-in-process.ts";
import { hostileNames, makeCard, readCard, writeNamedSet } from "./make-card.ts";

/** Text of HTML without its tags. */
const textOf = (html: string) =>
  html
    .replaceAll(/<[^>]*>/g, "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&");

test("class names, names and reasons that are markup or YAML are shown as they are, and nothing of them acts", async () => {
  const directory = await writeNamedSet(await makeTestFolder(), hostileNames, hostileNames[0]);
  const { version: _, sha256: __, ...manifest } = await readManifest(directory);
  const [reason] = [hostileNames[10]!];
  await writeManifest(directory, { ...manifest, removals: { [reason]: 3 }, createdBy: hostileNames[1]! });
  const { head, text } = await makeCard(directory, {
    given: { prettyName: hostileNames[2], creator: hostileNames[3] },
  });
  expect(head["license"]).toBe("unknown");
  expect(head["pretty_name"]).toBe(hostileNames[2]);
  const features = (head["dataset_info"] as { features: { name: string; dtype: { class_label: { names: object } } }[] })
    .features;
  const { names } = features.find(({ name }) => name === "label")!.dtype.class_label;
  expect(Object.values(names)).toEqual(hostileNames);
  const html = renderMarkdown(text);
  const tags = new Set([...html.matchAll(/<([a-z][a-z0-9]*)/g)].map(([, tag]) => tag));
  const harmless = ["h1", "h2", "p", "img", "table", "thead", "tbody", "tr", "th", "td", "code", "pre", "ul", "li"];
  expect([...tags].filter((tag) => !harmless.includes(tag!))).toEqual([]);
  expect([...html.matchAll(/<img [^>]*>/g)].map(([tag]) => tag)).toEqual([
    expect.stringContaining('src="contact-sheet.png"'),
  ]);
  for (const name of hostileNames) expect(textOf(html)).toContain(plainText(name));
});

test("any text stays on its line and is what a renderer shows", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary", maxLength: 60 }), fc.constantFrom(...hostileNames)), (name) => {
      const html = renderMarkdown(`| a |\n| --- |\n| x${escapeMarkdown(name)}x |`);
      const [, cell = ""] = /<td>(.*)<\/td>/s.exec(html) ?? [];
      expect(cell).not.toMatch(/<|\n/);
      expect(textOf(cell)).toBe(`x${plainText(name)}x`);
    }),
  );
});

test("any class names come back from the head exactly, by the rules of YAML 1.1", async () => {
  const folder = await makeTestFolder();
  let index = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: "binary", minLength: 1 }), { minLength: 2, maxLength: 5 }),
      async (names) => {
        const directory = await writeNamedSet(join(folder, String(index++)), names);
        const { head } = await makeCard(directory);
        const { features } = head["dataset_info"] as { features: { dtype: { class_label: { names: object } } }[] };
        expect(Object.values(features[2]!.dtype.class_label.names)).toEqual(names);
      },
    ),
    { numRuns: 15 },
  );
});

test("classes of equal size are called so, and a set that nobody labeled by a classifier blames none", async () => {
  const { text } = await makeCard(await writeNamedSet(await makeTestFolder(), ["a", "b", "c"]));
  expect(text).toContain("\n- The classes are of equal size.\n");
  expect(text).not.toMatch(/labeler that errs|not of equal size/);
});

test("a card changes neither the manifest nor the set", async () => {
  const directory = join(await makeTestFolder(), "dataset");
  await makeDataset(directory, { train: 40, test: 10, rowsPerShard: 30 });
  const before = await readFile(join(directory, "manifest.json"), "utf8");
  const first = await makeCard(directory);
  expect(await readFile(join(directory, "manifest.json"), "utf8")).toBe(before);
  expect(await verifyDataset(directory)).toMatchObject({ problems: [], rows: 50 });
  expect((await makeCard(directory)).whole).toBe(first.whole);
  expect(first.head["size_categories"]).toEqual(["n<1K"]);
});

test("a README.md that somebody has edited is kept, until --overwrite", async () => {
  const directory = await writeNamedSet(await makeTestFolder(), ["a", "b"]);
  await makeCard(directory);
  await appendFile(join(directory, "README.md"), "\nMy own words.\n");
  expect(await writeCard({ root: directory })).toEqual({ directory, outcome: "kept" });
  expect((await readCard(directory)).text).toContain("My own words.");
  const path = join(directory, "README.md");
  const told: string[] = [];
  const context = { ...testContext(), tell: (line: string) => void told.push(line) };
  await runSteps([cardStep(directory)], context);
  expect(told).toEqual([]);
  const edited = await readFile(path, "utf8");
  await writeFile(path, edited.replace(/num_examples: \d+/, "num_examples: 30"));
  await runSteps([cardStep(directory)], context);
  expect(told).toEqual([
    expect.stringMatching(/^warning: \S+README\.md was edited, .* it describes the set at another size\. /),
  ]);
  const { exitCode, stdout, stderr } = await runInProcess(["card", directory]);
  expect(stderr).toBe(
    `card/edited: ${join(directory, "README.md")} must be as cifar5m wrote it to be written again, and was edited. Move it away, or pass --overwrite to replace it.\n`,
  );
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect((await readCard(directory)).text).toContain("My own words.");
  expect(await writeCard({ root: directory, overwrite: true })).toEqual({ directory, outcome: "written" });
  expect((await readCard(directory)).text).not.toContain("My own words.");
});

test("options of a card are kept for later calls, and a damaged file of them is named", async () => {
  const directory = await writeNamedSet(await makeTestFolder(), ["a", "b"]);
  await makeCard(directory, { given: { license: "cc0-1.0", repository: "me/set" } });
  const { head, text } = await makeCard(directory, { given: { creator: "A. Nother" } });
  expect(head["license"]).toBe("cc0-1.0");
  expect(text).toContain("A. Nother publishes this set under `cc0-1.0`");
  expect(text).toContain('load_dataset("me/set")');
  await writeFile(join(directory, "card.json"), '{"licence": "mit"}');
  expect((await errorOf(() => readCardOptions(directory), "card/unknown-key")).message).toContain("license");
  await writeFile(join(directory, "card.json"), "{");
  await errorOf(() => writeCard({ root: directory }), "card/corrupt");
});

test("a set says of a damaged or foreign score and audit that it has none", async () => {
  const directory = await writeNamedSet(await makeTestFolder(), ["a", "b"]);
  const { text: none } = await makeCard(directory);
  expect(none).toContain("Not scored. `cifar5m score` does it.");
  expect(none).toContain("Not audited. `cifar5m audit` does it.");
  for (const [content, expected] of [
    ["{", "could not be read"],
    ['{"dataset": {"sha256": 1}}', "could not be read"],
    ["[]", "could not be read"],
  ] as const) {
    for (const name of ["score.json", "audit.json"]) await writeFile(join(directory, name), content);
    const { text } = await makeCard(directory);
    expect(text).toContain(`Not scored: \`score.json\` ${expected}`);
    expect(text).toContain(`Not audited: \`audit.json\` ${expected}`);
  }
});

test("an audit is told in plain lines, one of another set or an edited one is not, and nothing in it is markup", async () => {
  const directory = await writeNamedSet(await makeTestFolder(), ["a", "b"]);
  const { sha256 } = await readManifest(directory);
  const rate = { count: 3, share: 0.003, interval: [0.001, 0.009] };
  const distance = { smallest: 1, percent1: 2, median: 3 };
  const near = { nearCopies: rate, ratioBelowThird: rate, adaptive: rate, distance, medianRatio: 0.9 };
  const audit = {
    version: 1,
    createdBy: "cifar5m 0.2.0",
    seed: 0,
    dataset: { name: "set", sha256, images: 1000 },
    reference: { name: "CIFAR-10", sha256, train: 50_000, test: 10_000 },
    audited: { images: 1000, isSample: true },
    nearCopyResidual: 0.08,
    planted: [{ kind: "<b>mirrored", count: 100, found: 99 }],
    train: near,
    test: near,
    flags: { nearCopy: rate, memorized: rate, leak: { ...rate, count: 2 }, mislabeled: rate },
    nearest: [],
    pairs: [],
    labels: { meanConfidence: 0.9, confidence: [], mostLikelyMislabeled: [] },
    balance: { published: { a: 1, b: 2 } },
  };
  await writeFile(join(directory, "audit.json"), sealJson(audit));
  const html = renderMarkdown((await makeCard(directory)).text);
  const range = "95% interval 0.100% to 0.900%";
  for (const line of [
    "audited: a sample of 1,000 images against 50,000 train and 10,000 test images",
    `near-copies of train images: 3 (0.300%, ${range}), of test images: 3 (0.300%, ${range})`,
    `leaks of test images: 2 (0.300%, ${range})`,
    "planted copies found: &lt;b&gt;mirrored 99/100",
  ]) {
    expect(html).toContain(`<li>${line}</li>`);
  }
  const ofOther = { ...audit, dataset: { ...audit.dataset, sha256: "0" } };
  await writeFile(join(directory, "audit.json"), sealJson(ofOther));
  expect((await makeCard(directory)).text).toContain("Not audited: `audit.json` is of another set.");
  await writeFile(join(directory, "audit.json"), sealJson(audit).replace('"found": 99', '"found": 100'));
  const { text } = await makeCard(directory);
  expect(text).toContain("Not audited: `audit.json` could not be read.");
  expect(text).not.toContain("100/100");
});

test.each([
  [0, "n<1K"],
  [999, "n<1K"],
  [1000, "1K<n<10K"],
  [6_000_000, "1M<n<10M"],
  [999_999_999, "100M<n<1B"],
  [2_000_000_000, "n>1B"],
])("%i rows are of size %s", (rows, category) => {
  expect(sizeCategory(rows)).toBe(category);
});
