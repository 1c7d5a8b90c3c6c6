import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSafetensors } from "../../engine/parameters/safetensors.ts";
import { shippedFile } from "../../pipeline/run/shipped-files.ts";
import { makeCifar10, recordsPerFile } from "../support/make-cifar-10.ts";
import { runCli } from "../support/run-cli.ts";
import { runInProcess } from "../support/run-in-process.ts";

let folder: string;
const records = ["--records-per-file", String(recordsPerFile), "--quiet"];
const network = [
  ...["--generator.channels", "8", "--generator.multipliers", "1", "--generator.blocks", "1", "--generator.patch", "4"],
  ...["--generator.batch-size", "4", "--sampler.steps", "1"],
];

async function newRun(name: string): Promise<string> {
  const root = join(folder, name);
  const fetch = ["fetch", "--run", root, "--data", join(folder, "cifar-10"), ...records];
  expect((await runCli(fetch)).exitCode).toBe(0);
  return root;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-tune-"));
  await makeCifar10(join(folder, "cifar-10"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a generator is trained, then tuned with guidance from its own file; samples and a picture of the loss follow", async () => {
  const [trained, tuned] = [await newRun("trained"), await newRun("tuned")];
  const train = ["train", "generator", "--run", trained, ...records, ...network, "--generator.num-images", "20"];
  expect(await runCli(train)).toMatchObject({ exitCode: 0, stderr: "" });
  const init = join(trained, "models", "generator.safetensors");
  // No flag repeats the architecture: it is that of the file.
  const tune = ["train", "generator", "--run", tuned, ...records, "--init", init, "--tune", "consistency"];
  const options = ["--tuning.guidance", "3", "--tuning.num-images", "20", "--tuning.batch-size", "4"];
  expect(await runCli([...tune, ...options])).toMatchObject({ exitCode: 0, stderr: "" });

  const before = readSafetensors(await readFile(init), "trained").metadata;
  const after = readSafetensors(await readFile(join(tuned, "models", "generator.safetensors")), "tuned").metadata;
  expect(after).toEqual({ ...before, images: "20", tuned: '{"method":"consistency","guidance":3}' });
  for (const run of [trained, tuned]) {
    const picture = await sharp(join(run, "models", "generator-training", "loss.png")).metadata();
    expect(picture).toMatchObject({ format: "png", width: 760 });
  }
  // Settled options need not be repeated, and no others are taken.
  expect(await runCli(tune)).toMatchObject({ exitCode: 0, stderr: "" });
  const other = await runCli([...tune, "--tuning.guidance", "2"]);
  expect(other.stderr).toMatch(/^run\/config-changed: .*tuning\.guidance is 3, now 2.*\n$/);
});

test("a tuned generator is tuned against a discriminator; its file keeps the architecture and says at which levels", async () => {
  const root = await newRun("adversarial");
  const init = ["--init", join(folder, "tuned", "models", "generator.safetensors")];
  const tune = ["train", "generator", "--run", root, ...records, ...init, "--tune", "adversarial"];
  const options = [
    "--adversarial.num-images",
    "12",
    "--adversarial.batch-size",
    "4",
    "--adversarial.discriminator-channels",
    "4",
  ];
  expect(await runCli([...tune, ...options])).toMatchObject({ exitCode: 0, stderr: "" });

  const before = readSafetensors(await readFile(init[1]!), "tuned");
  const after = readSafetensors(await readFile(join(root, "models", "generator.safetensors")), "adversarial");
  const tuned = '{"method":"adversarial","steps":2,"sigmaMin":0.8,"sigmaMax":10}';
  expect(after.metadata).toEqual({ ...before.metadata, images: "12", tuned });
  // The discriminator is not part of the file.
  expect([...after.tensors.keys()]).toEqual([...before.tensors.keys()]);
  const other = await runCli([...tune, "--labeler", shippedFile("judge.safetensors")]);
  expect(other.stderr).toMatch(/^run\/config-changed: .*labeler is .*\n$/);
});

test("grids of a tuning show one call at the level that it was tuned for, also without classes", async () => {
  const root = await newRun("classless");
  const train = ["train", "generator", "--run", root, ...records, ...network, "--generator.num-images", "20"];
  expect(await runCli([...train, "--generator.num-classes", "0"])).toMatchObject({ exitCode: 0, stderr: "" });
  const grids: Buffer[] = [];
  for (const flags of [[], ["--recipe", "tuned", "--sampler.conditional", "false"]]) {
    const run = await newRun(`classless-${flags.length}`);
    const init = ["--init", join(root, "models", "generator.safetensors"), "--tune", "consistency"];
    const options = ["--tuning.num-images", "8", "--tuning.batch-size", "4", ...flags];
    const tune = await runCli(["train", "generator", "--run", run, ...records, ...init, ...options]);
    expect(tune).toMatchObject({ exitCode: 0, stderr: "" });
    grids.push(await readFile(join(run, "models", "generator-training", "grid-000000002.png")));
  }
  expect(grids[0]!.equals(grids[1]!)).toBe(true);
});

test.each([
  [["--tune", "consistency", "--init", "x", "--labeler", "y"], /^usage\/wrong: .*--tune adversarial.*\n$/],
  [
    ["--tune", "adversarial", "--init", shippedFile("tuned.safetensors"), "--adversarial.sigma-min", "20"],
    /^config\/out-of-range: adversarial\.sigmaMin .*\n$/,
  ],
  [["--tune", "adversarial"], /^usage\/wrong: .*--init FILE.*\n$/],
  [["--tune", "consistency"], /^usage\/wrong: .*--init FILE.*\n$/],
  [
    ["--tune", "magic", "--init", "x"],
    /^usage\/out-of-range: --tune must be one of consistency, adversarial, got magic.*\n$/,
  ],
  [["--tune", "consistency", "--init", "x", "--tuning.last-gap", "2"], /^config\/out-of-range: tuning\.lastGap .*\n$/],
  [
    ["--tune", "consistency", "--init", "x", "--tuning.last-gap", "1e-8"],
    /^config\/out-of-range: tuning\.lastGap .*\n$/,
  ],
])("train generator %j is refused in one line", async (args, line) => {
  const result = await runInProcess(["train", "generator", "--run", join(folder, "refused"), ...records, ...args]);
  expect(result.exitCode).toBe(2);
  expect(result.stderr).toMatch(line);
});

test("a training that diverges ends with one line and leaves neither weights nor a checkpoint", async () => {
  const root = await newRun("wild");
  const wild = ["--generator.num-images", "400", "--generator.learning-rate", "1e38", "--generator.clip-norm", "1e30"];
  const result = await runCli(["train", "generator", "--run", root, ...records, ...network, ...wild]);
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toMatch(/^train\/diverged: .*lower learning rate.*\n$/);
  const left = await readdir(join(root, "models"), { recursive: true });
  expect(left.filter((file) => file.endsWith(".safetensors"))).toEqual([]);
});
