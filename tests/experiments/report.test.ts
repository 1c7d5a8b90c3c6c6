import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { runCli } from "../support/run-cli.ts";
import { makeExperimentFile, tinyRun, writeExperimentFile } from "./make-experiment.ts";

test("the report is one page with every figure, gap and run, and the figures as files", async () => {
  const file = await makeExperimentFile({
    name: "Real <and> ideal",
    trials: 2,
    base: tinyRun,
    grid: { world: ["real", "ideal"], augmentation: ["none", "crop-flip"] },
  });
  const root = join(dirname(file), "run");
  expect((await runCli(["experiment", "run", file, "--run", root])).exitCode).toBe(0);
  const { exitCode, stdout, stderr } = await runCli(["experiment", "report", "--run", root]);
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  const page = await readFile(stdout.trim(), "utf8");
  expect(page).toContain("<title>Real &lt;and&gt; ideal</title>");
  // Each figure twice: for wide screens, and one panel a row for phones.
  expect(page.match(/<svg /g)).toHaveLength(6);
  expect(page.match(/<details>/g)).toHaveLength(8);
  expect(page.match(/<tr><td>/g)).toHaveLength(2);
  expect(page).not.toMatch(/(src|href)=/);
  expect(page.indexOf("Bootstrap gaps")).toBeLessThan(page.indexOf("<figure>"));
  for (const name of ["real-and-ideal", "diagonal", "two-speeds"]) {
    expect(await readFile(join(root, "report", `${name}.svg`), "utf8")).toMatch(/^<svg /);
    const { width } = await sharp(join(root, "report", `${name}.png`)).metadata();
    expect(width).toBeGreaterThan(400);
  }
  const compared = await runCli(["experiment", "compare", "--run", root]);
  const lines = compared.stdout.trim().split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[1]).toMatch(/^mlp 8×1\tno augmentation\t40\ttest\t12 \(not converged\)\t\d+\.\d\d% ± /);
});

test("worlds of other sizes have separate lines", async () => {
  const file = await makeExperimentFile({ base: tinyRun, grid: [{ numSamples: [20, 40] }, { world: ["ideal"] }] });
  const root = join(dirname(file), "run");
  expect((await runCli(["experiment", "run", file, "--run", root])).exitCode).toBe(0);
  expect((await runCli(["experiment", "report", "--run", root])).exitCode).toBe(0);
  for (const name of ["real-and-ideal", "two-speeds"]) {
    const svg = await readFile(join(root, "report", `${name}.svg`), "utf8");
    expect(svg.match(/aria-roledescription="line mark"/g), name).toHaveLength(3);
  }
});

test("without the ideal world there are curves, and nothing to compare", async () => {
  const file = await makeExperimentFile({});
  await writeExperimentFile(dirname(file), { base: tinyRun });
  const root = join(dirname(file), "run");
  expect((await runCli(["experiment", "run", file, "--run", root])).exitCode).toBe(0);
  const { stdout } = await runCli(["experiment", "report", "--run", root]);
  const page = await readFile(stdout.trim(), "utf8");
  expect(page.match(/<svg /g)).toHaveLength(2);
  expect(page).toContain("nothing to compare");
});
