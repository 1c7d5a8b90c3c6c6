import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { describe, expect, test } from "vitest";
import { hashFolder } from "../pipeline/kill-build.ts";
import { downloadRun } from "../pipeline/run/download-run.ts";
import { hasS3Server, startS3, useS3 } from "../shards/remote/s3-servers.ts";
import { type FaultyS3, startFaultyS3 } from "../support/faulty-s3.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { type CliResult, runCli } from "../support/run-cli.ts";

const server = (["versitygw", "moto"] as const).find(hasS3Server);
const tiny = ["--count", "20", "--test-count", "10", "--unit-size", "10", "--recipe", "tuned"];
const run = "s3://data/runs/tiny";

/** Starts a server behind a proxy, and lets commands find it. */
async function openBucket(name: Parameters<typeof startS3>[0]): Promise<{ client: S3Client; proxy: FaultyS3 }> {
  const { s3, client } = await startS3(name);
  const proxy = await startFaultyS3(s3.endpoint);
  useS3({ endpoint: proxy.url });
  return { client, proxy };
}

async function listKeys(client: S3Client, prefix: string): Promise<string[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: "data", Prefix: prefix }));
  return Contents.map(({ Key = "" }) => Key.slice(prefix.length)).sort();
}

/** A card names the day of its set, and a test may run at midnight. */
function withoutDay(line: string): string {
  return /(README\.md|croissant\.json) /.test(line) ? line.split(" ")[0]! : line;
}

async function cli(...args: string[]): Promise<CliResult> {
  return await runCli([...args, "--quiet"]);
}

function expectOneLine({ exitCode, stderr }: CliResult, code: number, line: RegExp): void {
  expect(stderr).toMatch(line);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(exitCode).toBe(code);
}

describe.skipIf(server === undefined)("a run in a bucket", { timeout: 600_000 }, () => {
  test("equals a run in a folder, by build and by the chain of a cluster, and each object is sent once", async () => {
    const { client, proxy } = await openBucket(server!);
    const folder = join(await makeTestFolder(), "run");
    expect(await cli("build", folder, ...tiny)).toMatchObject({ exitCode: 0 });
    const wanted = (await hashFolder(folder)).map(withoutDay);
    const built = await cli("build", run, ...tiny);
    expect(built).toMatchObject({ exitCode: 0, stderr: "", stdout: `contact sheet: ${run}/contact-sheet.png\n` });
    expect((await hashFolder(await downloadRun(client, "runs/tiny"))).map(withoutDay)).toEqual(wanted);
    expect([...proxy.numPuts.values()].filter((count) => count !== 1)).toEqual([]);

    const chain = "s3://data/runs/chain";
    expect((await cli("prepare", chain, ...tiny)).exitCode).toBe(0);
    const ranks = [0, 1].map((rank) => ["--rank", String(rank), "--world-size", "2"]);
    for (const words of [["sample"], ["label"], ["dedup"], ["publish", "--no-manifest"]]) {
      const ended = await Promise.all(ranks.map((rank) => cli(words[0]!, chain, ...words.slice(1), ...rank)));
      expect(ended.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual([
        [0, ""],
        [0, ""],
      ]);
    }
    expect((await cli("finish", chain)).stdout).toContain(`20 train and 10 test images in ${chain}/dataset`);
    const status = await runCli(["status", chain]);
    expect(status.stdout).toMatch(/^prepare +done\nsample +3 of 3 units/);
    expect(status.stdout).toMatch(/\nfinished\n$/);
    const found = (await hashFolder(await downloadRun(client, "runs/chain"))).filter(
      (line) => !line.startsWith("/speed"),
    );
    expect(found.map(withoutDay)).toEqual(wanted);
    expect(await runCli(["verify", `${chain}/dataset`])).toMatchObject({ exitCode: 0 });
    // Nothing took the location for a path.
    expect((await readdir(".")).filter((name) => name.startsWith("s3:"))).toEqual([]);
  });

  test("a full bucket is said in one line, whatever its server calls it, and the run goes on when there is room", async () => {
    const { client, proxy } = await openBucket(server!);
    for (const [status, code] of [
      [507, "InsufficientStorage"],
      [403, "QuotaExceeded"],
    ] as const) {
      proxy.refuse = (method, path) =>
        method === "PUT" && path.endsWith("/samples/train-00001.u8") ? { status, code } : undefined;
      const line = new RegExp(`^store/full: ${run}/samples/train-00001.u8 .* full .* ${status} ${code}\\. Make room`);
      expectOneLine(await cli("build", run, ...tiny), 1, line);
      expect(await listKeys(client, "runs/tiny/samples/")).toContain("train-00000.u8");
    }
    proxy.refuse = () => undefined;
    expect((await cli("build", run)).exitCode).toBe(0);
    expect(proxy.numPuts.get("/data/runs/tiny/samples/train-00000.u8")).toBe(1);
    expect(await listKeys(client, "runs/tiny/dataset/")).toContain("manifest.json");
  });

  test("credentials that expire in the middle are said in one line, and new ones go on", async () => {
    const { client, proxy } = await openBucket(server!);
    let hasExpired = false;
    proxy.refuse = (method, path) => {
      hasExpired ||= method === "PUT" && path.endsWith("/receipts/sample/train-00000.json");
      return hasExpired ? { status: 400, code: "ExpiredToken" } : undefined;
    };
    expectOneLine(await cli("build", run, ...tiny), 1, /^store\/forbidden: .* credentials have expired, .*Renew them/);
    expectOneLine(await cli("status", run), 1, /^store\/forbidden: s3:\/\/data\/runs\/tiny .*expired/);
    proxy.refuse = () => undefined;
    expect((await cli("build", run)).exitCode).toBe(0);
    // The samples had arrived before their receipt was refused.
    expect(proxy.numPuts.get("/data/runs/tiny/samples/train-00000.u8")).toBe(1);
    expect(await listKeys(client, "runs/tiny/dataset/")).toContain("manifest.json");
  });

  test("what cannot be done there is refused before anything is written", async () => {
    const { client } = await openBucket(server!);
    expectOneLine(
      await cli("build", "s3://no-such-bucket/x", ...tiny),
      1,
      /^store\/not-found: s3:\/\/no-such-bucket\/x must be in a bucket that exists/,
    );
    expectOneLine(await cli("build", run, ...tiny, "--data", "cifar"), 2, /^usage\/trains-in-bucket: .*--data cifar/);
    expectOneLine(await cli("build", run, ...tiny, "--to", "elsewhere"), 2, /^usage\/contradiction: --to .*\/dataset/);
    expectOneLine(await cli("label", run), 2, /^run\/missing: s3:\/\/data\/runs\/tiny\/run\.json/);
    expectOneLine(await cli("status", run), 2, /^run\/missing: s3:\/\/data\/runs\/tiny\/run\.json/);
    expectOneLine(await cli("fetch", run), 2, /^usage\/wrong: --data must name CIFAR-10/);
    expectOneLine(
      await cli("repair", run),
      2,
      /^usage\/not-local: .*fetch, build, prepare, sample.* delete what is damaged/,
    );
    expect((await cli("build", run, ...tiny, "--dry-run")).exitCode).toBe(0);
    expect(await listKeys(client, "")).toEqual([]);
  });

  test("build makes what was lost again, and what was damaged once that is deleted", async () => {
    const { client } = await openBucket(server!);
    expect((await cli("build", run, ...tiny)).exitCode).toBe(0);
    const before = await hashFolder(await downloadRun(client, "runs/tiny"));
    const at = (name: string) => ({ Bucket: "data", Key: `runs/tiny/${name}` });
    await client.send(new PutObjectCommand({ ...at("dataset/train/part-00001.arrow"), Body: "damaged" }));
    const damaged = await runCli(["verify", `${run}/dataset`]);
    expect(damaged.stderr + damaged.stdout).toContain("part-00001.arrow");
    for (const name of ["run.json", "dataset/train/part-00001.arrow", "receipts/publish/train-00001.json"]) {
      await client.send(new DeleteObjectCommand(at(name)));
    }
    expect(await cli("build", run, ...tiny)).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await hashFolder(await downloadRun(client, "runs/tiny"))).toEqual(before);
    expect(await runCli(["verify", `${run}/dataset`])).toMatchObject({ exitCode: 0 });
  });

  test("another number of workers finishes what the first ones left", async () => {
    const { client } = await openBucket(server!);
    expect((await cli("prepare", run, ...tiny)).exitCode).toBe(0);
    expect((await cli("sample", run, "--rank", "1", "--world-size", "8")).exitCode).toBe(0);
    const some = await listKeys(client, "runs/tiny/samples/");
    expect(some).toHaveLength(1);
    expectOneLine(await cli("build", run, "--count", "10"), 2, /^run\/config-changed: .*count is 20, now 10/);
    const ended = await Promise.all(
      [0, 1].map((rank) => cli("build", run, "--rank", String(rank), "--world-size", "2")),
    );
    expect(ended.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(await listKeys(client, "runs/tiny/dataset/train/")).toHaveLength(2);
  });
});

test("a server that ignores conditions is refused before a unit is made", { timeout: 60_000 }, async () => {
  const { client } = await openBucket("s3rver");
  expectOneLine(
    await cli("build", run, ...tiny),
    1,
    /^store\/no-conditional-writes: s3:\/\/data\/runs\/tiny must refuse a PUT .*let an existing object/,
  );
  expect(await listKeys(client, "runs/tiny/")).toEqual(["conditional-writes.txt"]);
});
