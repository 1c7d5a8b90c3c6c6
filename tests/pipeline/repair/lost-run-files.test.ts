import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { importShippedModel, readModelReceipt, writeModel } from "../../../pipeline/models/models.ts";
import { repairRun } from "../../../pipeline/repair/repair.ts";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { openRun, requireOpenable } from "../../../pipeline/run/run.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { readStatus } from "../../../pipeline/status/read-status.ts";
import { manifestStep } from "../../../pipeline/steps.ts";
import { verifyRun } from "../../../pipeline/verify/verify.ts";
import { errorOf } from "../../support/expect-error.ts";
import { copyRun, filesOf, type GrowingSet, growTo, optionsOf } from "../../support/grow-set.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { runSteps, testContext } from "../../support/run-build.ts";
import { runInProcess } from "../../support/run-in-process.ts";

const unitSize = 4;
const sizes = [
  { count: 8, testCount: 4 },
  { count: 14, testCount: 4 },
] as const;
let parent: string;
let pristine: string;
let numCopies = 0;

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "cifar5m-lost-"));
  pristine = join(parent, "run");
  for (const size of sizes) await growTo({ root: pristine, unitSize }, size);
});

afterAll(() => rm(parent, { recursive: true, force: true }));

async function copySet() {
  const root = await copyRun(pristine, String(numCopies++));
  const set: GrowingSet = { root, unitSize };
  return { root, set, folder: runFolderAt(root) };
}

const problemsOf = async (root: string) => await verifyRun(root, testContext());
const contentOf = async (root: string) =>
  new Map([...(await filesOf(root))].map(([name, state]) => [name, state.split(" ")[0]]));

/** Repairs by the command, and expects the run to be what it was. */
async function repairWhole(root: string): Promise<string> {
  const { stdout, stderr, exitCode } = await runInProcess(["repair", root, "--quiet"]);
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  expect(await contentOf(root)).toEqual(await contentOf(pristine));
  expect(await readFile(runFolderAt(root).manifest)).toEqual(await readFile(runFolderAt(pristine).manifest));
  expect(await problemsOf(root)).toEqual([]);
  expect((await readStatus(runFolderAt(root))).isFinished).toBe(true);
  return stdout;
}

test("of a lost file of growth/, verify and status say that repair restores it, and it does", async () => {
  const { root, folder } = await copySet();
  await rm(folder.growth(1));
  const [problem, ...others] = await problemsOf(root);
  expect(others).toEqual([]);
  expect(problem).toMatchObject({ file: folder.manifest, code: "manifest/mismatch" });
  expect(problem!.message).toBe(
    `${folder.manifest} lists 5 shards, the run has 3 units: ${folder.growth(1)} was lost. Run \`cifar5m repair\`, which ` +
      "restores it from the manifest.",
  );
  const { misfit, isFinished } = await readStatus(folder);
  expect({ misfit, isFinished }).toEqual({ misfit: problem!.message, isFinished: false });
  const { stdout } = await runInProcess(["status", root]);
  expect(stdout).toContain(problem!.message);
  expect(stdout).not.toMatch(/^finished$/m);
  expect(await repairWhole(root)).toBe(`repaired: ${folder.growth(1)}\n`);
});

test("a set whose file of growth/ was lost takes no other size, and goes on with the one that it had", async () => {
  const { root, set, folder } = await copySet();
  await rm(folder.growth(1));
  const { message } = await errorOf(() => growTo(set, { count: 13, testCount: 4 }), "run/lost");
  expect(message).toContain(`${folder.manifest} lists other sizes`);
  expect(message).toContain("Run `cifar5m repair`");
  await growTo(set, sizes[1]);
  expect(await contentOf(root)).toEqual(await contentOf(pristine));
});

test("where growth/ and the manifest were lost, nothing that was published is left out or called superfluous", async () => {
  const { root, set, folder } = await copySet();
  await rm(folder.growth(1));
  await rm(folder.manifest);
  const repair = () =>
    repairRun(
      { folder, config: optionsOf(set, sizes[0]).config, runtime: optionsOf(set, sizes[0]).runtime },
      testContext(),
    );
  const { message } = await errorOf(repair, "run/growth-lost");
  expect(message).toContain(folder.receipt("publish", "train-00002"));
  await errorOf(() => runSteps([manifestStep(optionsOf(set, sizes[0]))], testContext()), "run/growth-lost");
  const problems = await problemsOf(root);
  expect(problems.map(({ code }) => code)).toEqual(["manifest/missing", "run/growth-lost"]);
  for (const problem of problems) expect(problem.message).not.toMatch(/delete/i);
  await errorOf(() => growTo(set, { count: 13, testCount: 4 }), "run/lost");
  await growTo(set, sizes[1]);
  expect(await readFile(folder.manifest)).toEqual(await readFile(runFolderAt(pristine).manifest));
  expect(await problemsOf(root)).toEqual([]);
});

test.each(["lost", "damaged"])("no other run begins where run.json was %s, and repair restores it", async (harm) => {
  const { root, set, folder } = await copySet();
  if (harm === "lost") await rm(folder.config);
  else await writeFile(folder.config, "{");
  const said = [];
  for (const command of ["verify", "status", "publish"]) {
    const { stderr, exitCode } = await runInProcess([command, root]);
    expect(exitCode, command).toBe(harm === "lost" ? 2 : 1);
    said.push(stderr);
  }
  for (const line of said) {
    expect(line).toContain("`cifar5m repair`, which restores");
    expect(line).not.toMatch(/delete/i);
  }
  if (harm === "lost") {
    const other = { ...optionsOf(set, sizes[1]).config, unitSize: 5 };
    for (const open of [openRun, requireOpenable]) {
      expect((await errorOf(() => open(folder, other), "run/lost")).message).toContain("Run `cifar5m repair`");
    }
  }
  expect(await repairWhole(root)).toBe(`repaired: ${folder.config}\n`);
});

test("of a run.json of another configuration, verify, status and repair say how to get back the right one", async () => {
  const { root, set, folder } = await copySet();
  const other = runFolderAt(join(await makeTestFolder(), "other"));
  await openRun(other, resolveConfig({ ...optionsOf(set, sizes[1]).config, unitSize: 5 }));
  await rename(other.config, folder.config);
  const messages = [
    ...(await problemsOf(root)).filter(({ file }) => file === folder.manifest).map(({ message }) => message),
    (await readStatus(folder)).misfit,
    (await runInProcess(["repair", root, "--quiet"])).stderr,
  ];
  expect(messages).toHaveLength(3);
  for (const message of messages) {
    expect(message).toContain("agrees with the manifest.");
    expect(message).toContain(`Move ${folder.config} away`);
  }
  await rename(folder.config, join(root, "..", "away.json"));
  await repairWhole(root);
});

test("of a manifest of another run, verify and repair say to move it away, and repair makes the right one", async () => {
  const { root, folder } = await copySet();
  const other: GrowingSet = { root: join(await makeTestFolder(), "other"), unitSize: 5 };
  await growTo(other, sizes[0]);
  await rename(runFolderAt(other.root).manifest, folder.manifest);
  const { stderr } = await runInProcess(["repair", root, "--quiet"]);
  expect(stderr).toContain("move it away and run `cifar5m repair`, which makes it again");
  await rename(folder.manifest, join(root, "..", "away.json"));
  await repairWhole(root);
});

test("an unfinished run that lost run.json goes on with the options it was begun with, and with no others", async () => {
  const { root, set, folder } = await copySet();
  await rm(folder.config);
  await rm(folder.manifest);
  await rm(folder.growth(1));
  const { message } = await errorOf(() => growTo({ ...set, unitSize: 5 }, sizes[0]), "run/lost");
  expect(message).toContain(`${folder.receipt("sample", "test-00000")} was made with config`);
  await errorOf(() => growTo(set, { count: 7, testCount: 4 }), "run/lost");
  await errorOf(() => growTo(set, sizes[0]), "run/growth-lost");
  await growTo(set, sizes[1]);
  expect(await contentOf(root)).toEqual(await contentOf(pristine));
});

test("a model that lost its receipt is kept, for it may have been trained for days", async () => {
  const folder = runFolderAt(join(await makeTestFolder(), "run"));
  const trained = Buffer.from("trained");
  await writeModel({ folder, name: "generator", bytes: trained, identity: { options: {} } });
  const receipt = folder.receipt("train-generator", "generator");
  for (const [harm, code] of [
    [() => writeFile(receipt, "{"), "json/corrupt"],
    [() => rm(receipt), "run/config-changed"],
  ] as const) {
    await harm();
    const { message } = await errorOf(() => importShippedModel(folder, "generator", Buffer.from("shipped")), code);
    expect(message).not.toMatch(/delete/i);
    expect(await readFile(folder.model("generator"))).toEqual(trained);
  }
  await writeModel({ folder, name: "generator", bytes: trained, identity: { options: {} } });
  expect((await readModelReceipt(folder, "generator"))?.bytes).toBe(trained.length);
});

test("a damaged receipt, manifest and description of a model say what loses nothing", async () => {
  const { root, folder } = await copySet();
  for (const [path, advice] of [
    [folder.manifest, "`cifar5m repair` makes it again"],
    [folder.receipt("publish", "train-00000"), "If the run is finished, `cifar5m repair` makes it again"],
    [folder.modelConfig("generator"), "Put it back from a copy; or move it away"],
  ] as const) {
    const before = await readFile(path);
    await writeFile(path, "{");
    const said = [(await runInProcess(["verify", root])).stderr, (await runInProcess(["build", root])).stderr].join("");
    expect(said).toContain(`json/corrupt: ${path}`);
    expect(said).toContain(advice);
    await writeFile(path, before);
  }
});
