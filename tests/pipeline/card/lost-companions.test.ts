import { appendFile, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkCompanions } from "../../../pipeline/card/check-companions.ts";
import { writeCard } from "../../../pipeline/card/write-card.ts";
import { verifyRun } from "../../../pipeline/verify/verify.ts";
import { companionNames } from "../../../shards/publish/upload-companions.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { runBuild, testContext } from "../../support/run-build.ts";
import { runInProcess } from "../../support/run-in-process.ts";
import { standInRuntime } from "../../support/stand-in-runtime.ts";

const { card, croissant, picture } = companionNames;

async function makeRun() {
  const root = join(await makeTestFolder(), "run");
  await runBuild({ root, runtime: standInRuntime(), sources: {}, config: { count: 20, testCount: 5, unitSize: 10 } });
  return { root, dataset: join(root, "dataset") };
}

const empty = (path: string) => writeFile(path, "");
const cut = (path: string) => truncate(path, 500);
async function flipBit(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[bytes.length - 50]! ^= 1;
  await writeFile(path, bytes);
}

test("a companion that is empty, cut, flipped or lost is named by verify, and repair and card write it again", async () => {
  const { root, dataset } = await makeRun();
  expect(await verifyRun(root, testContext())).toEqual([]);
  const harms = [
    [card, empty],
    [card, rm],
    [card, (path: string) => writeFile(path, "\0\0\0\n")],
    [croissant, empty],
    [croissant, cut],
    [croissant, rm],
    [picture, cut],
    [picture, flipBit],
  ] as const;
  for (const [index, [name, harm]] of harms.entries()) {
    const path = join(dataset, name);
    const before = await readFile(path);
    await harm(path);
    const problems = await verifyRun(root, testContext());
    expect(problems).toMatchObject([{ file: path, code: harm === rm ? "card/missing" : "card/damaged" }]);
    expect(problems[0]!.message).toContain("Run `cifar5m card`, which writes it again.");
    const { stdout, exitCode } = await runInProcess([index % 2 === 0 ? "repair" : "card", root, "--quiet"]);
    expect(exitCode).toBe(0);
    if (index % 2 === 0) expect(stdout).toBe(`repaired: ${path}\n`);
    expect(await readFile(path)).toEqual(before);
  }
});

test("an edited card is no damage, and a set without any companion needs none", async () => {
  const { root, dataset } = await makeRun();
  await appendFile(join(dataset, card), "\nMy own words.\n");
  expect(await checkCompanions(dataset)).toEqual([]);
  for (const name of Object.values(companionNames)) await rm(join(dataset, name));
  expect(await verifyRun(root, testContext())).toEqual([]);
});

test("an empty README.md is neither kept nor uploaded, and one at the target is replaced", async () => {
  const { root, dataset } = await makeRun();
  const target = join(root, "..", "copy");
  expect((await runInProcess(["publish", root, "--to", target, "--quiet"])).exitCode).toBe(0);
  const whole = await readFile(join(dataset, card), "utf8");
  for (const folder of [dataset, target]) await empty(join(folder, card));
  expect((await runInProcess(["publish", root, "--to", target, "--quiet"])).exitCode).toBe(0);
  for (const folder of [dataset, target]) expect(await readFile(join(folder, card), "utf8")).toBe(whole);
  await empty(join(dataset, card));
  expect((await writeCard({ root })).outcome).toBe("written");
});
