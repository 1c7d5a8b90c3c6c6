import { describe, expect, test } from "vitest";
import { openDataset, uploadDataset, verifyDataset } from "../../../shards/index.ts";
import { openS3Files } from "../../../shards/remote/open-s3-files.ts";
import { patientTransfer } from "../../../shards/remote/transfer-options.ts";
import { spool } from "../../../storage/spool.ts";
import { errorOf } from "../../support/expect-error.ts";
import { type FaultyS3, type S3Refusal, startFaultyS3 } from "../../support/faulty-s3.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { quick } from "./remote-batches.ts";
import { hasS3Server, startS3, useS3 } from "./s3-servers.ts";

const brief = { ...patientTransfer, firstDelayMs: 10, maxDelayMs: 40, totalMs: 3000 };
const unit = "s3://data/run/unit";

/** Refuses the first so many requests of a method for paths that end so. @returns the number that came */
function refuseFirst(proxy: FaultyS3, count: number, refusal: S3Refusal, method = "PUT", end = "/unit"): () => number {
  let numAsked = 0;
  proxy.refuse = (asked, path) => (asked === method && path.endsWith(end) && numAsked++ < count ? refusal : undefined);
  return () => numAsked;
}

describe.skipIf(!hasS3Server("moto"))("before an S3 server", { timeout: 120_000 }, () => {
  async function open() {
    const { s3 } = await startS3("moto");
    const proxy = await startFaultyS3(s3.endpoint);
    return { proxy, s3: { ...s3, endpoint: proxy.url } };
  }

  test("refusals that pass are tried again, whatever their status is", async () => {
    const { proxy, s3 } = await open();
    const files = await openS3Files("s3://data/run", s3, { policy: brief });
    const data = await spool((sink) => sink.write("the bytes of a unit"));
    for (const [status, code] of [
      [400, "RequestTimeout"],
      [400, "BadDigest"],
      [409, "OperationAborted"],
      [403, "RequestTimeTooSkewed"],
      [503, "SlowDown"],
    ] as const) {
      const numPuts = refuseFirst(proxy, 2, { status, code });
      expect([code, await files.write(unit, data), numPuts()]).toEqual([code, true, 3]);
      const numGets = refuseFirst(proxy, 2, { status, code }, "GET");
      expect([code, String(await files.read(unit)), numGets()]).toEqual([code, "the bytes of a unit", 3]);
      const numHeads = refuseFirst(proxy, 1, { status, code }, "HEAD");
      expect([code, (await files.find(unit))?.bytes, numHeads()]).toEqual([code, data.bytes, 2]);
    }
  });

  test("a set is published and read by way of such refusals", async () => {
    const { proxy, s3 } = await open();
    const [directory, cache] = [await makeTestFolder(), { directory: await makeTestFolder() }];
    await makeDataset(directory, { train: 60, test: 20, rowsPerShard: 30 });
    const asked = new Map<string, number>();
    proxy.refuse = (method, path) => {
      const key = `${method} ${path}`;
      asked.set(key, (asked.get(key) ?? 0) + 1);
      return asked.get(key) === 1 ? { status: 403, code: "RequestTimeTooSkewed" } : undefined;
    };
    await uploadDataset({ directory, to: "s3://data/set", s3 });
    useS3(s3);
    expect(await verifyDataset("s3://data/set")).toMatchObject({ problems: [], numShards: 3 });
    asked.clear();
    const dataset = await openDataset("s3://data/set", { s3, cache, transfer: quick });
    expect((await dataset.readImages([0, 59])).labels).toHaveLength(2);
    dataset.close();
  });

  test("a clock that stays wrong is named", async () => {
    const { proxy, s3 } = await open();
    const files = await openS3Files("s3://data/run", s3, { policy: { ...brief, totalMs: 300 } });
    await files.find(unit);
    proxy.refuse = () => ({ status: 403, code: "RequestTimeTooSkewed" });
    const { message } = await errorOf(() => files.read(unit), "store/unreachable");
    expect(message).toMatch(/RequestTimeTooSkewed\. Set the clock of this machine, then run again/);
  });

  test("a bucket of another region is said at once, with its region", async () => {
    const { proxy, s3 } = await open();
    const files = await openS3Files("s3://data/run", s3, { policy: brief });
    for (const code of ["PermanentRedirect", "TemporaryRedirect"]) {
      const status = code === "PermanentRedirect" ? 301 : 307;
      proxy.refuse = () => ({ status, code, region: "eu-west-3" });
      for (const ask of [() => files.find(unit), () => files.read(unit), () => openS3Files("s3://data/run", s3)]) {
        const { message } = await errorOf(ask, "store/s3-settings");
        expect(message).toMatch(/in the region eu-west-3, .* answers 30[17]\. Set AWS_REGION=eu-west-3, or/);
      }
    }
    proxy.refuse = () => ({ status: 301, code: "PermanentRedirect" });
    await errorOf(() => files.find(unit), "store/s3-settings");
  });

  test("a server that is busy for longer than six tries take is waited for, until the time is over", async () => {
    const { proxy, s3 } = await open();
    const files = await openS3Files("s3://data/run", s3, { policy: brief });
    const data = await spool((sink) => sink.write("the bytes of a unit"));
    await files.write(`${unit}-first`, data);
    const busy = { status: 503, code: "SlowDown" };
    const numPuts = refuseFirst(proxy, 20, busy);
    expect([await files.write(unit, data), numPuts()]).toEqual([true, 21]);
    const numGets = refuseFirst(proxy, Number.POSITIVE_INFINITY, busy, "GET");
    const { message } = await errorOf(() => files.read(unit), "store/unreachable");
    expect(message).toMatch(/unit failed \d\d+ times in 3 s, last with: HTTP status 503 SlowDown\. Check/);
    expect(numGets()).toBeGreaterThan(20);
    expect(patientTransfer).toMatchObject({ totalMs: 900_000, maxDelayMs: 30_000 });
  });

  test("an interruption ends such a wait, and clean-up after it is still possible", async () => {
    const { proxy, s3 } = await open();
    const stop = new AbortController();
    const policy = { ...patientTransfer, firstDelayMs: 600_000, maxDelayMs: 600_000 };
    const files = await openS3Files("s3://data/run", s3, { policy, signal: stop.signal });
    const data = await spool((sink) => sink.write("the bytes of a unit"));
    await files.write(unit, data);
    proxy.refuse = () => {
      setTimeout(() => stop.abort(new Error("stopped")), 50);
      return { status: 503, code: "SlowDown" };
    };
    await expect(files.write(unit, data)).rejects.toThrow("stopped");
    proxy.refuse = () => undefined;
    await files.remove(unit);
    expect(await files.find(unit)).toBeUndefined();
  });
});
