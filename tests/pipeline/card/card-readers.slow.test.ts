import { join } from "node:path";
import { expect, test } from "vitest";
import { readCardOptions } from "../../../pipeline/card/card-options.ts";
import { splitNames } from "../../../shards/format/manifest.ts";
import { readManifest } from "../../../shards/format/manifest-file.ts";
import { sha256 } from "../../../storage/sha256.ts";
import { runSnippet } from "../../docs/run-snippet.ts";
import { startServe } from "../../scripts/start-serve.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { findPythonModules, runPython } from "../../support/run-python.ts";
import { runExport } from "../export/run-export.ts";
import { readSplit } from "../import/run-import.ts";
import { hostileNames, makeCard, readCard, writeNamedSet } from "./make-card.ts";

const modules = ["huggingface_hub", "datasets", "mlcroissant", "pyarrow", "PIL"];
const found = findPythonModules(modules);
const missing = modules.filter((name) => !found.has(name));
if (missing.length > 0) console.log(`skipped: python3 has no ${missing.join(", ")}`);

type Seen = Readonly<Record<string, { readonly hub: object; readonly datasets: object; readonly croissant: object }>>;
const readAll = async (...folders: string[]) =>
  JSON.parse(await runPython("pipeline/card/read_cards.py", folders)) as Seen;

test.skipIf(missing.length > 0)(
  "huggingface_hub, datasets and mlcroissant read the cards of a set and of its Parquet export, and the same rows",
  async () => {
    const folder = await makeTestFolder();
    const [directory, target] = [join(folder, "run", "dataset"), join(folder, "parquet")];
    const { classNames } = await makeDataset(directory, { train: 100, test: 20, rowsPerShard: 30 });
    await runExport({ location: join(folder, "run"), target, format: "parquet", partSize: 40 });
    const { labels, images } = await readSplit(join(folder, "run"), "train");
    const rows = { labels, images: sha256(images) };
    const before = await readAll(directory);
    await makeCard(join(folder, "run"), { given: { license: "cc0-1.0" } });
    const seen = await readAll(directory, target);
    const manifest = await readManifest(directory);
    const shards = splitNames.flatMap((split) => manifest.splits[split].shards);
    const hub = { size: ["n<1K"], infos: ["default"], configs: ["default"], roundTrip: true };
    const same = { rows: { train: 100, test: 20 }, labelNames: classNames, ...rows };
    const valid = { errors: [], warnings: [], classes: classNames };
    expect(seen[directory]).toMatchObject({
      hub: { ...hub, license: "cc0-1.0" },
      datasets: same,
      croissant: { ...valid, shards: Object.fromEntries(shards.map(({ file, sha256 }) => [file, sha256])) },
    });
    // A card changes nothing for `load_dataset`.
    expect(seen[directory]!.datasets).toEqual(before[directory]!.datasets);
    expect(seen[target]).toMatchObject({ hub, datasets: same, croissant: { ...valid, ...rows } });
  },
);

test.skipIf(missing.length > 0)("they read class names that are markup or YAML exactly, and nothing else", async () => {
  const folder = await makeTestFolder();
  const directory = await writeNamedSet(folder, hostileNames, hostileNames[3]);
  await makeCard(directory, { given: { creator: hostileNames[4], prettyName: hostileNames[3] } });
  expect(await readCardOptions(directory)).toMatchObject({ prettyName: hostileNames[3] });
  const seen = await readAll(directory);
  const names = { rows: { train: 2 * hostileNames.length, test: 2 * hostileNames.length }, labelNames: hostileNames };
  expect(seen[directory]).toMatchObject({
    hub: { license: "unknown", roundTrip: true },
    datasets: names,
    croissant: { errors: [], classes: hostileNames },
  });
});

/** The code blocks of the section on loading, with the folder or address put in. */
async function loadSnippets(
  directory: string,
  address: string,
): Promise<{ language: "ts" | "python"; code: string }[]> {
  const { text } = await readCard(directory);
  const [, section = ""] = /\n## How to load it\n(.*?)\n## /s.exec(text) ?? [];
  return [...section.matchAll(/```(ts|python)\n(.*?)\n```/gs)].map(([, language, code = ""]) => ({
    language: language as "ts" | "python",
    code: code.replaceAll("PATH-TO-THIS-FOLDER", directory).replaceAll('"/dataset"', JSON.stringify(address)),
  }));
}

test("the lines that a card gives for loading run, in Node, as in a browser, and in Python", async () => {
  const root = join(await makeTestFolder(), "run");
  const directory = join(root, "dataset");
  await makeDataset(directory, { train: 100, test: 20, rowsPerShard: 30 });
  await makeCard(root);
  const { origin } = await startServe(root);
  const snippets = await loadSnippets(directory, `${origin}/dataset`);
  expect(snippets.map(({ language }) => language)).toEqual(["ts", "ts", "python", "python"]);
  const python = findPythonModules(["torch", "datasets", "numpy", "pyarrow"]);
  for (const { language, code } of snippets) {
    if (language === "python" && python.size < 4) continue;
    const loop = code.includes("for await") ? "" : "for await (const { labels } of loader) {\n  // images\n}";
    const lines = language === "ts" ? `${code}\n${loop}`.replace(/\/\/ images.*/, "console.log(labels.length);") : code;
    const printed = await runSnippet(language, lines, await makeTestFolder());
    if (language === "ts") expect(printed).toBe("100\n");
    if (code.includes("load_dataset")) expect(printed).toMatch(/^\['airplane', .*\] \d\n$/);
  }
});
