import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import { writeSpeed } from "../../pipeline/run/speed.ts";
import { writeColorModels } from "../support/color-models.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { runCli } from "../support/run-cli.ts";
import { runInProcess } from "../support/run-in-process.ts";

const size = ["--count", "60", "--test-count", "0", "--unit-size", "20", "--sampler.steps", "2"];

async function prepare(): Promise<string> {
  const folder = await makeTestFolder();
  const { generator, labeler } = await writeColorModels(folder);
  const root = join(folder, "run");
  const models = ["--generator", generator, "--labeler", labeler];
  expect(await runCli(["prepare", root, ...models, ...size, "--quiet"])).toMatchObject({ exitCode: 0, stderr: "" });
  return root;
}

test("without a scheduler a submit is refused in one line, and --dry-run shows the scripts all the same", async () => {
  const root = join(await makeTestFolder(), "run");
  vi.stubEnv("PATH", "/nowhere");
  try {
    const submit = ["submit", "slurm", root, "--tasks", "3", ...size];
    const { exitCode, stdout, stderr } = await runInProcess(submit);
    expect(stderr).toMatch(/^submit\/no-scheduler: sinfo must be on the PATH, and is not: .*--dry-run\.\n$/);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    const shown = await runInProcess([...submit, "--dry-run", "--", "--account=lab"]);
    expect(shown.exitCode).toBe(0);
    expect(shown.stdout.match(/^#!\/bin\/bash$/gm)).toHaveLength(6);
    expect(shown.stdout.match(/^#SBATCH --account=lab$/gm)).toHaveLength(6);
  } finally {
    vi.unstubAllEnvs();
  }
});

test("--dry-run of a larger size lets no run grow", async () => {
  const root = await prepare();
  const { exitCode } = await runInProcess(["submit", "slurm", root, "--tasks", "3", "--count", "80", "--dry-run"]);
  expect({ exitCode, growth: await readdir(join(root, "growth")).catch(() => []) }).toEqual({
    exitCode: 0,
    growth: [],
  });
});

test("jobs get options that equal their default, so that what the run or the model would say instead does not count", async () => {
  const root = join(await makeTestFolder(), "run");
  const guided = ["--generator", "x.onnx", "--sampler.guidance", "2", "--count", "5000000", "--claim", "disk"];
  const { stdout } = await runInProcess(["submit", "kubernetes", root, "--tasks", "2", "--image", "i", ...guided]);
  const args = stdout.replaceAll('"', "").replaceAll(/\n *- /g, " ");
  for (const flag of ["--sampler.guidance 2", "--count 5000000", "--test-count 1000000"]) {
    expect(args.split(flag).length - 1, flag).toBe(6);
  }
  expect(args).not.toContain("--labeler.epochs");
});

test("a worker whose time is over ends with 130 and keeps what is finished; one that can never do a unit fails", async () => {
  const root = await prepare();
  const sampleUntil = (secondsLeft: number) => {
    vi.stubEnv("CIFAR5M_DEADLINE", String(Math.floor(Date.now() / 1000) + secondsLeft));
    return runCli(["sample", root, "--quiet"]).finally(() => vi.unstubAllEnvs());
  };
  // Of 2,000 s a unit needs 1,500, then 400.
  await writeSpeed(runFolderAt(root), { sample: 20 / 1500, label: 1 });
  const hopeless = await sampleUntil(1000);
  expect(hopeless.stderr).toMatch(
    /^run\/walltime-too-short: train-00000 must end before the walltime, and needs about 1500 s .*\n$/,
  );
  expect(hopeless.exitCode).toBe(1);
  const late = await sampleUntil(0);
  expect(late.exitCode).not.toBe(0);
  await writeSpeed(runFolderAt(root), { sample: 20 / 400, label: 1 });
  expect(await sampleUntil(2000)).toMatchObject({ exitCode: 0, stderr: "" });
});

test("the progress of a rank is of its own share, and names the rank", async () => {
  const root = await prepare();
  const { stderr } = await runCli(["sample", root, "--rank", "1", "--world-size", "3"]);
  expect(stderr).toMatch(/^rank 1\/3 {2}sample +20 images, /);
  const { stderr: alone } = await runCli(["sample", root]);
  expect(alone).toMatch(/^sample +40 images, .*, 20 images done before, /);
});
