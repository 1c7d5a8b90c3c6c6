import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { writeManifest } from "../../../shards/format/manifest-file.ts";
import { fileExists } from "../../../storage/read-file.ts";
import { runSnippet } from "../../docs/run-snippet.ts";
import { serveForAllTests, startServe } from "../../scripts/start-serve.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";

const hasModules = (modules: string) => spawnSync("python3", ["-c", `import ${modules}`]).status === 0;

const shared = serveForAllTests();

async function readPage() {
  const { origin, folder, manifest } = shared();
  const response = await fetch(origin);
  return { folder, manifest, origin, response, page: await response.text() };
}

/** The lines to copy for a tool, as the page shows them. */
function snippetOf(page: string, title: string): string {
  const [, code] = new RegExp(`aria-label="Lines for ${title}"><code>(.*?)</code>`, "s").exec(page) ?? [];
  if (code === undefined) throw new Error(`no lines for ${title}`);
  return code.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

test("the page shows counts, hashes and labels of the set", async () => {
  const { manifest, origin, page, folder } = await readPage();
  expect(page).toContain("<h1>test set</h1>");
  for (const hash of [manifest.sha256, manifest.configHash, manifest.models["generator"]!])
    expect(page).toContain(hash);
  for (const [label, name] of manifest.classNames.entries()) {
    const row = new RegExp(`<th scope="row">${name}</th>(.*?)</tr>`, "s").exec(page)?.[1] ?? "";
    const counts = [...row.matchAll(/class="number">(\d+)</g)].map(([, count]) => Number(count));
    expect(counts, name).toEqual([manifest.splits.train.classCounts[label], manifest.splits.test.classCounts[label]]);
  }
  expect(snippetOf(page, "TypeScript")).toContain(`openDataset("${origin}/dataset")`);
  expect(snippetOf(page, "PyTorch")).toContain(folder);
});

test("bars are as long as the shares of the labels", async () => {
  const { manifest, page } = await readPage();
  const lengths = (split: "train" | "test") =>
    [
      ...page.matchAll(new RegExp(`<rect class="${split}" x="0" y="\\d+" width="([\\d.]+)" height="(?:12|8)"`, "g")),
    ].map(([, width]) => Number(width));
  const shares = (["train", "test"] as const).flatMap((name) => {
    const { rows, classCounts } = manifest.splits[name];
    return classCounts.map((count) => count / rows);
  });
  const largest = Math.max(...shares);
  expect([...lengths("train"), ...lengths("test")]).toEqual(
    shares.map((share) => Number(((share / largest) * 1000).toFixed(1))),
  );
});

test("the headers allow the browser to run and load only the page's own content", async () => {
  const { page, response } = await readPage();
  const policy = response.headers.get("content-security-policy")!;
  expect(policy).toMatch(/^default-src 'none';/);
  for (const element of ["style", "script"]) {
    const [, text] = new RegExp(`<${element}[^>]*>(.*?)</${element}>`, "s").exec(page)!;
    expect(policy).toContain(`${element}-src 'sha256-${createHash("sha256").update(text!).digest("base64")}'`);
  }
  const links = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, link]) => link!);
  expect(
    links.filter(
      (link) => !/^(#\w+|browse|experiment|data:image\/svg\+xml,.*|contact-sheet\.png|dataset\/[\w./?=-]+)$/.test(link),
    ),
  ).toEqual([]);
});

test("no text of a manifest becomes markup", async () => {
  const folder = await makeTestFolder();
  const { version, sha256, ...manifest } = await makeDataset(folder, { train: 25, test: 7, rowsPerShard: 10 });
  const evil = `</style></script><img src=x onerror="alert(1)" alt='&'>`;
  await writeManifest(folder, {
    ...manifest,
    name: evil,
    classNames: manifest.classNames.map((name) => `${name}${evil}`),
    config: { [evil]: evil },
    models: { [evil]: manifest.configHash },
    removals: { [evil]: 1 },
    createdBy: evil,
  });
  const { origin } = await startServe(folder);
  const page = await (await fetch(origin)).text();
  expect(page.match(/<img /g)).toHaveLength(1);
  expect(page.match(/<\/(?:script|style)>/g)).toHaveLength(2);
  expect(page).toContain(
    "&lt;/style&gt;&lt;/script&gt;&lt;img src=x onerror=&quot;alert(1)&quot; alt=&#39;&amp;&#39;&gt;",
  );
  const sheet = await fetch(`${origin}/contact-sheet.png`);
  expect(sheet.status).toBe(200);
});

test("the contact sheet is a PNG of the size that the page reserves for it", async () => {
  const { origin, page } = await readPage();
  const response = await fetch(`${origin}/contact-sheet.png`);
  expect(response.headers.get("content-type")).toBe("image/png");
  const png = Buffer.from(await response.arrayBuffer());
  expect(png.subarray(1, 4).toString()).toBe("PNG");
  expect(page).toContain(`width="${png.readUInt32BE(16)}" height="${png.readUInt32BE(20)}"`);
});

test("visitors from elsewhere see no path of this machine", async () => {
  const { folder } = shared();
  const { origin } = await startServe(folder, ["--host", "0.0.0.0"]);
  const page = await (await fetch(origin)).text();
  expect(page).not.toContain(folder);
  expect(snippetOf(page, "PyTorch")).toContain(`open_dataset("${origin}/dataset")`);
});

test("the lines for TypeScript run unchanged", async () => {
  const { page } = await readPage();
  await runSnippet("ts", snippetOf(page, "TypeScript"), await makeTestFolder());
});

test("the lines for PyTorch run unchanged, on the same disk and from elsewhere", async ({ skip }) => {
  skip(!hasModules("torch, numpy, pyarrow"), "python3 has no torch, numpy or pyarrow");
  const { page } = await readPage();
  const elsewhere = await makeTestFolder();
  const { origin } = await startServe(shared().folder, ["--host", "0.0.0.0"]);
  const fromElsewhere = snippetOf(await (await fetch(origin)).text(), "PyTorch");
  for (const code of [snippetOf(page, "PyTorch"), fromElsewhere]) {
    expect(await runSnippet("python", `${code}\nprint(len(labels))`, elsewhere)).toBe("25\n");
  }
});

test.for([
  ["polars", "polars", /\b25\b|len/],
  ["DuckDB", "duckdb, polars, pyarrow", /count_star/],
  ["Hugging Face datasets", "datasets, aiohttp, requests", /ClassLabel\(names=\['airplane'/],
] as const)("the lines for %s run as they stand", async ([title, modules, output], { skip }) => {
  skip(!hasModules(modules), `python3 has no ${modules}`);
  const { page } = await readPage();
  const folder = await makeTestFolder();
  const script = join(folder, "snippet.py");
  await writeFile(script, snippetOf(page, title));
  const env = { ...process.env, HF_HOME: join(folder, "hf"), HF_HUB_DISABLE_TELEMETRY: "1", POLARS_FMT_MAX_ROWS: "20" };
  const { stdout } = await promisify(execFile)("python3", [script], { env });
  expect(stdout).toMatch(output);
});

test.skipIf(spawnSync("sh", ["-c", "command -v curl jq xargs"]).status !== 0)(
  "the lines for a copy make a folder that is served with the same bytes",
  async () => {
    const { manifest, page } = await readPage();
    const copy = await makeTestFolder();
    await promisify(execFile)("sh", ["-ec", snippetOf(page, "A copy of the folder")], { cwd: copy });
    const { origin } = await startServe(join(copy, "dataset"));
    for (const { file, sha256 } of manifest.splits.train.shards) {
      const bytes = Buffer.from(await (await fetch(`${origin}/dataset/${file}`)).arrayBuffer());
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
    }
    expect((await readdir(join(copy, "dataset"))).sort()).toEqual(["manifest.json", "test", "train"]);
  },
);

test.skipIf(spawnSync("sh", ["-c", "command -v curl jq xargs"]).status !== 0)(
  "the lines for a copy leave no manifest where a shard cannot be had, and no error in place of one",
  async () => {
    const folder = await makeTestFolder();
    const manifest = await makeDataset(folder, { train: 25, test: 7, rowsPerShard: 10 });
    const { origin } = await startServe(folder);
    const lines = snippetOf(await (await fetch(origin)).text(), "A copy of the folder");
    const [first, second] = manifest.splits.train.shards;
    await truncate(join(folder, first!.file), 8);
    const copy = await makeTestFolder();
    await expect(promisify(execFile)("sh", ["-c", lines], { cwd: copy })).rejects.toThrow(/500/);
    expect(await fileExists(join(copy, "dataset", "manifest.json"))).toBe(false);
    expect(await fileExists(join(copy, "dataset", first!.file))).toBe(false);
    expect(await fileExists(join(copy, "dataset", second!.file))).toBe(true);
  },
);
