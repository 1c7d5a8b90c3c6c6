import { readdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test, vi } from "vitest";
import { gatherResults } from "../../experiments/index.ts";
import { uploadDataset } from "../../shards/index.ts";
import { runAll, tinyRun, writeExperimentFile } from "../experiments/make-experiment.ts";
import { startServe } from "../scripts/start-serve.ts";
import { startS3, useS3 } from "../shards/remote/s3-servers.ts";
import { makeDataset, makeTestFolder } from "../support/make-rows.ts";
import { runCli } from "../support/run-cli.ts";
import { findPythonModules } from "../support/run-python.ts";
import { writeTestFlags } from "../support/write-test-flags.ts";
import { runSnippet } from "./run-snippet.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const docs = (await readdir(join(root, "docs"))).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`);
const names = ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...docs];

/** Lines between fences, with the language that the first of these names. */
interface Block {
  readonly where: string;
  readonly language: string;
  readonly code: string;
}

async function blocksOf(name: string): Promise<Block[]> {
  const text = await readFile(join(root, name), "utf8");
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(({ index, 1: language = "", 2: code = "" }) => ({
    where: `${name}:${text.slice(0, index).split("\n").length}`,
    language,
    code,
  }));
}

const blocks = (await Promise.all(names.map(blocksOf))).flat();
const inLanguage = (...languages: string[]) => blocks.filter(({ language }) => languages.includes(language));

test("README and docs have lines in languages that are checked here, and no others", () => {
  const languages = new Set(blocks.map(({ language }) => language));
  expect([...languages].sort()).toEqual(["js", "json", "python", "sh", "text", "ts"]);
});

describe.each(inLanguage("ts"))("the lines of $where", ({ code }) => {
  test("run as they stand", async () => {
    const folder = await makeTestFolder();
    const dataset = join(folder, "runs", "quickstart", "dataset");
    await makeDataset(dataset, { train: 1200, test: 10, rowsPerShard: 500 });
    await writeTestFlags(dataset);
    await symlink("quickstart", join(folder, "runs", "mine"));
    const [{ origin }, { s3 }] = [await startServe(dataset), await startS3("s3rver")];
    const { signal } = new AbortController();
    await uploadDataset({ directory: dataset, to: "s3://data/mine", s3, signal });
    useS3(s3);
    const here = code
      .replace("https://host/path/dataset", `${origin}/dataset`)
      .replace("s3://bucket/prefix", "s3://data/mine");
    try {
      await runSnippet("ts", here, folder, code.includes("cifar5m-shards/browser") ? `${origin}/` : undefined);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

/** Lines that need a run folder with trained models, which is too much for a test. */
describe.each(inLanguage("js"))("the lines of $where", ({ code }) => {
  test("can be parsed, and import names that the packages export", async () => {
    ts.transpileModule(code, { reportDiagnostics: true }).diagnostics?.forEach(({ messageText }) => {
      throw new Error(String(messageText));
    });
    const exported = await readFile(join(root, "tests", "package", "public-names.txt"), "utf8");
    const entries = new Map(exported.split("\n\n").map((entry) => [entry.split("\n", 1)[0], entry]));
    for (const [, imported = "", entry = ""] of code.matchAll(/^import \{ (.+) \} from "(cifar5m[^"]*)"/gm)) {
      for (const name of imported.split(", ")) expect(entries.get(entry), entry).toMatch(new RegExp(` ${name}\n`));
    }
  });
});

describe.each(inLanguage("python"))("the lines of $where", ({ code }) => {
  // `cifar5m.jax` needs jax.
  const modules = [...code.matchAll(/^(?:from|import) (?:cifar5m\.)?(\w+)/gm)].map(([, name]) => name!);
  const needed = [...modules.filter((name) => !name.startsWith("cifar5m")), "numpy", "pyarrow", "pandas"];
  const missing = needed.filter((name) => !findPythonModules(needed).has(name));

  test("run as they stand", async ({ skip }) => {
    skip(missing.length > 0, `python3 has no ${missing.join(", ")}`);
    const folder = await makeTestFolder();
    await makeDataset(join(folder, "runs", "quickstart", "dataset"), { train: 1200, test: 10, rowsPerShard: 500 });
    if (code.includes("results.arrow")) {
      await makeDataset(join(folder, "dataset"), { train: 200, test: 40, rowsPerShard: 60 });
      const file = await writeExperimentFile(folder, { base: tinyRun });
      await gatherResults(await runAll(join(folder, "runs", "quick"), file));
    }
    await runSnippet("python", code, folder);
  });
});

describe.each(inLanguage("json"))("the lines of $where", ({ code }) => {
  test("are JSON", () => {
    expect(JSON.parse(code)).toBeTypeOf("object");
  });
});

const commandLines = inLanguage("sh").flatMap(({ where, code }) =>
  code.split("\n").flatMap((line) => {
    const [, words] = /^\s*(?:npx )?cifar5m ([^#]*?)(?: &)?\s*(?:#.*)?$/.exec(line) ?? [];
    return words === undefined ? [] : [{ where, words }];
  }),
);

test.for(commandLines)("$where: cifar5m $words is a command line that the program takes", async ({ words }) => {
  const args = words.replace("$rank", "0").split(/\s+/);
  const [first] = args;
  // Without its work: `doctor` has none to leave out, and shows its help.
  const { exitCode, stderr } = await runCli([...args, first === "doctor" ? "--help" : "--dry-run"]);
  expect(exitCode, stderr).not.toBe(2);
  expect(stderr).not.toContain("unexpected");
});

test("every line of a shell is a command of the program, of npm, or of the shell", () => {
  const others = inLanguage("sh").flatMap(({ code }) =>
    code.split("\n").filter((line) => line.trim() !== "" && !/^\s*(npx )?cifar5m /.test(line)),
  );
  const known =
    /^(npm (start|test|run [\w:]+|install CLONE\/packages\/cifar5m-shards-0\.2\.0\.tgz)|npx vitest run|pip install (\.\/python|tensorboard)|tensorboard --logdir |hf upload|for |done)/;
  for (const line of others) expect(line).toMatch(known);
});

test("scripts of npm's that README and docs name are there", async () => {
  const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  for (const name of names) {
    const text = await readFile(join(root, name), "utf8");
    for (const [, script] of text.matchAll(/npm run ([\w:]+)/g))
      expect(scripts, `${name}: ${script}`).toHaveProperty([script!]);
  }
});
