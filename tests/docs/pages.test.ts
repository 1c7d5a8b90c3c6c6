import { access, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openOptionKeys } from "../../shards/open-options.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (name: string) => readFile(join(root, name), "utf8");
const pagesIn = async (folder: string) =>
  (await readdir(join(root, folder))).filter((name) => name.endsWith(".md")).map((name) => `${folder}/${name}`);
const pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...(await pagesIn("docs"))];
const packagePages = ["shards/README.md", "python/README.md"];
const allPages = [...pages, ...packagePages, ...(await pagesIn("docs/adr")), ...(await pagesIn("weights"))];

test("README has at most 120 lines", async () => {
  expect((await read("README.md")).trimEnd().split("\n").length).toBeLessThanOrEqual(120);
});

test.each(pages)("no cell of a table in %s has more than 100 characters", async (page) => {
  const rows = (await read(page)).split("\n").filter((line) => line.startsWith("|"));
  const cells = rows.flatMap((row) => row.split(/(?<!\\)\|/).map((cell) => cell.trim()));
  expect(cells.filter((cell) => !/^:?-+:?$/.test(cell) && cell.length > 100)).toEqual([]);
});

/** The anchors of a page, as GitHub names its headings. */
async function anchorsOf(page: string): Promise<string[]> {
  return [...(await read(page)).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- ]/gu, "")
      .replaceAll(" ", "-"),
  );
}

test.each(allPages)("links of %s lead to files and headings that are there", async (page) => {
  for (const [, link = ""] of (await read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(link)) continue;
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? page : join(dirname(page), path);
    await expect(access(join(root, target)), `${page}: ${link}`).resolves.toBeUndefined();
    if (anchor !== undefined) expect(await anchorsOf(target), `${page}: ${link}`).toContain(anchor);
  }
});

/** Folders of the repository. A run folder has others: `dataset/`, `models/`, `samples/`, … */
const folders =
  "bench core docs engine examples experiments generator labeler networks pictures pipeline python scripts shards storage tests weights";

/**
 * The files and folders of the repository that the code of a page names. `engine/graph` is left out, as it cannot be told
 * from an error's code; so are placeholders and what is generated. A compiled file stands for its source.
 */
function pathsIn(text: string): string[] {
  const code = [...text.matchAll(/^```.*?^```$|`[^`\n]+`/gms)].join(" ");
  const words = code.split(/[\s`"'(),;:=]+/).map((word) => word.replace(/^dist\/(.+)\.js$/, "$1.ts"));
  const isPath = new RegExp(`^(${folders.replaceAll(" ", "|")})/(\\S*\\.\\w+|\\S*/\\S*)?$`);
  return words.filter((word) => isPath.test(word) && !/NAME|[*…{<]|^docs\/api\b/.test(word));
}

test.each(allPages)("paths of the repository in the code of %s are there", async (page) => {
  for (const path of pathsIn(await read(page))) {
    // A package's page may name its own files.
    const places = [join(root, path), join(root, dirname(page), path)];
    await expect(Promise.any(places.map((place) => access(place))), `${page}: ${path}`).resolves.toBeUndefined();
  }
});

/** The properties of exported interfaces in a file, of nested ones too. */
async function optionsIn(file: string, from: string, to: string): Promise<string[]> {
  const text = await read(file);
  const part = text.slice(text.indexOf(from), text.indexOf(to));
  return [...part.matchAll(/readonly (\w+)\??:/g)].map(([, name = ""]) => name);
}

test("docs/loader.md names every option of the loader, of openDataset and of writeDataset", async () => {
  const text = await read("docs/loader.md");
  const options = [
    ...(await optionsIn("shards/loader/loader-options.ts", "interface CommonOptions", "export type LoaderOptions")),
    ...(await optionsIn("shards/browser/open-dataset.ts", "interface BrowserOpenOptions", "/**\n * Opens")),
    ...(await optionsIn("shards/format/write-dataset.ts", "interface WriteDatasetOptions", "const optionKeys")),
    ...openOptionKeys,
  ];
  expect(options.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
});

test("docs/troubleshooting.md names codes that the program has", async () => {
  const codes = [...(await read("docs/troubleshooting.md")).matchAll(/^\| `([a-z-]+\/[a-z0-9-]+)`/gm)];
  const folders = ["core", "storage", "engine", "shards", "generator", "labeler", "pipeline", "scripts", "python/src"];
  const sources: string[] = [];
  for (const folder of folders) {
    for (const name of await readdir(join(root, folder), { recursive: true })) {
      if (/\.(ts|py)$/.test(name)) sources.push(await read(join(folder, name)));
    }
  }
  const all = sources.join("\n");
  expect(codes.length).toBeGreaterThan(30);
  expect(codes.map(([, code]) => code).filter((code) => !all.includes(`"${code}"`))).toEqual([]);
});

test("docs/architecture.md names files and closed modules that are there", async () => {
  const text = await read("docs/architecture.md");
  const rules = await read(".dependency-cruiser.cjs");
  for (const [, path = ""] of text.matchAll(/^\| `([\w/.-]+)`/gm)) {
    await expect(access(join(root, path)), path).resolves.toBeUndefined();
  }
  const modules = [...rules.matchAll(/^ {2}"([\w/]+)": \[(.*)\]/gm)];
  expect(modules.length).toBeGreaterThan(10);
  for (const [, module, open = ""] of modules) {
    const named = open.replaceAll(/"\w+\/(\w+)"/g, "`$1`") || "nothing";
    expect(text).toMatch(new RegExp(`\\| \`${module}\` +\\| ${named} +\\|`));
  }
});
