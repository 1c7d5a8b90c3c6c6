import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test, vi } from "vitest";
import { openDataset } from "../../shards/index.ts";
import { hashBatches } from "../shards/remote/remote-batches.ts";
import { startS3, useS3 } from "../shards/remote/s3-servers.ts";
import { makeCifar10, recordsPerFile } from "../support/make-cifar-10.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { runBuild } from "../support/run-build.ts";
import { runCli } from "../support/run-cli.ts";
import { standInRuntime } from "../support/stand-in-runtime.ts";

/** A finished run, and the options by which the command line knows it. */
async function makeRun(): Promise<{ root: string; run: string[] }> {
  const folder = await makeTestFolder();
  const root = join(folder, "run");
  await makeCifar10(join(folder, "cifar-10"));
  await runBuild({ root, runtime: standInRuntime(), sources: { data: join(folder, "cifar-10") } });
  await writeFile(join(folder, "config.json"), JSON.stringify({ recordsPerFile }));
  return { root, run: ["--run", root, "--config", join(folder, "config.json")] };
}

test("publish --to s3:// uploads the data set, keeps on a second call what is there, and it can be read from there", async () => {
  const [{ root, run }, { s3 }] = [await makeRun(), await startS3("s3rver")];
  useS3(s3);
  try {
    const args = ["publish", ...run, "--to", "s3://data/mine"];
    const stdout = "published: 50 train and 21 test images in s3://data/mine\n";
    expect(await runCli(args)).toMatchObject({ exitCode: 0, stdout });
    const again = await runCli(args);
    expect(again.exitCode).toBe(0);
    expect(again.stderr).not.toContain("Warning");
    expect(again.stderr).toMatch(/^upload +71 images done before/m);
    const cache = { directory: await makeTestFolder() };
    const options = { regime: "finite", epochs: 2, batchSize: 7 } as const;
    const verified = await runCli(["verify", "s3://data/mine"]);
    expect(verified).toMatchObject({ exitCode: 0, stderr: "", stdout: "verified: s3://data/mine is whole\n" });
    const remote = await hashBatches(await openDataset("s3://data/mine", { cache }), options);
    expect(remote).toEqual(await hashBatches(await openDataset(join(root, "dataset")), options));
  } finally {
    vi.unstubAllEnvs();
  }
});

test("another run is not a place for a data set, nor is a folder in a run, however it is written", async () => {
  const [{ root, run }, other] = [await makeRun(), await makeRun()];
  const inOther = ["", "/dataset", "/samples/new"].map((path) => `${other.root}${path}`);
  for (const to of [...inOther, pathToFileURL(other.root).href, pathToFileURL(join(root, "labels")).href]) {
    const { exitCode, stderr } = await runCli(["publish", ...run, "--to", to, "--quiet"]);
    expect(stderr).toMatch(
      /^usage\/contradiction: --to must be a folder (for a data set alone|outside of the run's), got /,
    );
    expect(exitCode).toBe(2);
  }
  expect(await readdir(other.root)).not.toContain("manifest.json");
});

test("verify and inspect take the file: URL of a run and of a data set", async () => {
  const { root } = await makeRun();
  for (const folder of [root, join(root, "dataset")]) {
    for (const command of ["verify", "inspect"]) {
      const { exitCode, stderr } = await runCli([command, pathToFileURL(folder).href, "--quiet"]);
      expect({ exitCode, stderr }, `${command} ${folder}`).toEqual({ exitCode: 0, stderr: "" });
    }
  }
});

test("publish says what it has published, and what it has not", async () => {
  const { root, run } = await makeRun();
  const dataset = join(root, "dataset");
  const stdout = `published: 50 train and 21 test images in ${dataset}\n`;
  expect(await runCli(["publish", ...run, "--quiet"])).toEqual({ exitCode: 0, stderr: "", stdout });
  expect(await runCli(["publish", ...run, "--no-manifest", "--quiet"])).toEqual({
    exitCode: 0,
    stderr: "",
    stdout: `published: this worker's shards in ${dataset}, without the manifest\n`,
  });
});

test("of several workers that upload, those beside the first say that they sent their share; finish sends all", async () => {
  const { root, run } = await makeRun();
  const to = join(await makeTestFolder(), "published");
  const asSecond = ["--rank", "1", "--world-size", "2", "--quiet"];
  expect(await runCli(["publish", ...run, "--to", to, ...asSecond])).toEqual({
    exitCode: 0,
    stderr: "",
    stdout: `uploaded: this worker's share of the shards to ${to}; rank 0 uploads the rest and the manifest\n`,
  });
  const finished = await runCli(["finish", "--run", root, "--to", to, ...asSecond]);
  expect(finished.stdout).toMatch(`published: 50 train and 21 test images in ${to}\n`);
  expect((await openDataset(to)).split("train").numSamples).toBe(50);
});

test("--to a place that cannot be published to is refused before any work, in one line", async () => {
  const { run } = await makeRun();
  for (const command of ["publish", "build"]) {
    const { exitCode, stderr } = await runCli([command, ...run, "--to", "https://host/data"]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^store\/bad-location: .*s3:\/\/bucket\/prefix.*\n$/);
    const malformed = await runCli([command, ...run, "--to", "file://host/data"]);
    expect(malformed.exitCode).toBe(2);
    expect(malformed.stderr).toMatch(/^store\/bad-location: file:\/\/host\/data .*: it names another host\. .*\n$/);
  }
  const unfinished = await runCli(["publish", ...run, "--no-manifest", "--to", "s3://data/mine"]);
  expect(unfinished.exitCode).toBe(2);
  expect(unfinished.stderr).toMatch(/^usage\/unfinished-upload: /);
});

test("without credentials or region, publish --to says which to set", async () => {
  const { run } = await makeRun();
  for (const name of ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"])
    vi.stubEnv(name, undefined);
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
  vi.stubEnv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9");
  vi.stubEnv("HOME", await makeTestFolder());
  try {
    const { exitCode, stderr } = await runCli(["publish", ...run, "--to", "s3://data/mine"]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/store\/s3-settings: .*Region is missing.*Set AWS_REGION/);
  } finally {
    vi.unstubAllEnvs();
  }
});
