import { readdirSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { describe, expect, test } from "vitest";
import { openS3Files } from "../../../shards/remote/open-s3-files.ts";
import type { ObjectData, ObjectFiles, WriteCondition } from "../../../storage/object-files.ts";
import { sha256 } from "../../../storage/sha256.ts";
import { spool, spoolFolder } from "../../../storage/spool.ts";
import { errorOf } from "../../support/expect-error.ts";
import { startFaultyS3 } from "../../support/faulty-s3.ts";
import { startCuttingProxy } from "./cutting-proxy.ts";
import { hasS3Server, startS3 } from "./s3-servers.ts";

async function write(files: ObjectFiles, path: string, text: Uint8Array | string, condition?: WriteCondition) {
  const data = await spool((sink) => sink.write(text));
  const isWritten = await files.write(path, data, condition === undefined ? {} : { condition });
  await data.remove();
  return isWritten;
}

describe.each((["versitygw", "moto"] as const).filter(hasS3Server))("with the S3 server %s", (server) => {
  test.each(["s3://data", "s3://data/a/prefix/"])(
    "objects of %s are read, written and listed",
    async (location) => {
      const { s3, client } = await startS3(server);
      const files = await openS3Files(location, s3);
      const at = (name: string) => `${files.root}/${name}`;
      const prefix = files.root.slice("s3://data".length).replace(/^\/|$/g, "");
      const Key = (name: string) => (prefix === "" ? name : `${prefix}/${name}`);
      // Neighbors whose names begin alike.
      await client.send(new PutObjectCommand({ Bucket: "data", Key: "a/prefix-of-another/run.json", Body: "x" }));
      expect([await files.find(at("run.json")), await files.read(at("run.json"))]).toEqual([undefined, undefined]);
      await files.remove(at("run.json"));
      expect(await write(files, at("empty"), "", "if-absent")).toBe(true);
      expect(await files.read(at("empty"))).toEqual(Buffer.alloc(0));
      const large = new Uint8Array(20_000_000).map((_, index) => index % 251);
      expect(await write(files, at("units/001/large"), large)).toBe(true);
      expect(sha256((await files.read(at("units/001/large")))!)).toBe(sha256(large));
      expect(await files.find(at("units/001/large"))).toMatchObject({ bytes: large.length, note: undefined });
      await Promise.all(
        Array.from({ length: 1005 }, (_, index) =>
          client.send(new PutObjectCommand({ Bucket: "data", Key: Key(`many/${index}.json`), Body: "x" })),
        ),
      );
      expect((await files.list(at("many"))).sort()).toEqual(Array.from({ length: 1005 }, (_, i) => `${i}.json`).sort());
      expect(await files.list(at("units"))).toEqual(["001"]);
      expect((await files.list(files.root)).filter((name) => !name.startsWith("a")).sort()).toEqual(
        ["conditional-writes.txt", "empty", "many", "units"].sort(),
      );
      expect(await files.list(at("none"))).toEqual([]);
      await files.remove(at("empty"));
      expect(await files.find(at("empty"))).toBeUndefined();
    },
    120_000,
  );

  test("of twenty writers of a name or a version one succeeds, and its note stays with its bytes", async () => {
    const { s3 } = await startS3(server);
    const files = await openS3Files("s3://data/race", s3);
    const path = `${files.root}/unit`;
    const race = async (condition: WriteCondition, suffix = "") => {
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const data: ObjectData = await spool((sink) => sink.write(`writer ${index}${suffix}`));
          return await files.write(path, data, { condition, note: JSON.stringify({ index }) });
        }),
      );
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      const found = (await files.find(path))!;
      expect(found.note).toBe(JSON.stringify({ index: outcomes.indexOf(true) }));
      expect((await files.read(path))?.toString()).toBe(`writer ${outcomes.indexOf(true)}${suffix}`);
      return found.version;
    };
    const version = await race("if-absent");
    expect(await write(files, path, "too late", "if-absent")).toBe(false);
    // Equal bytes would be an equal version.
    await race({ ifVersion: version }, " again");
    expect(await write(files, path, "too late", { ifVersion: version })).toBe(false);
    expect(await write(files, `${files.root}/none`, "of nothing", { ifVersion: version })).toBe(false);
  });

  test("a broken connection is tried again, and a written unit whose reply was lost is found to be there", async () => {
    const { s3 } = await startS3(server);
    const proxy = await startCuttingProxy(s3.endpoint);
    const files = await openS3Files("s3://data/cut", { ...s3, endpoint: proxy.url });
    const path = `${files.root}/unit`;
    await write(files, `${files.root}/first`, "the probe comes before it");
    // Idle connections would be used again, and not be cut.
    const other = await openS3Files("s3://data/cut", { ...s3, endpoint: proxy.url });
    await write(other, `${files.root}/second`, "x");
    proxy.cuts = [0, 20];
    const fresh = await openS3Files("s3://data/cut", { ...s3, endpoint: proxy.url });
    expect(await fresh.read(`${files.root}/first`)).toEqual(Buffer.from("the probe comes before it"));
    expect(await write(fresh, path, "unit", "if-absent")).toBe(true);
    expect((await fresh.read(path))?.toString()).toBe("unit");
  });
});

test.skipIf(!hasS3Server("moto"))(
  "bytes that wait on a disk are sent or refused, whatever becomes of their file",
  { timeout: 60_000 },
  async () => {
    const { s3 } = await startS3("moto");
    const proxy = await startFaultyS3(s3.endpoint);
    const files = await openS3Files("s3://data/x", { ...s3, endpoint: proxy.url });
    const path = `${files.root}/unit`;
    const large = new Uint8Array(3_000_000).map((_, index) => index % 251);
    await write(files, `${files.root}/first`, "the probe comes before it");
    /** Sends bytes; the file that they wait in is harmed when the server refuses the first attempt. */
    const send = async (harm: (waiting: string) => void) => {
      const data = await spool((sink) => sink.write(large));
      const [name] = readdirSync(spoolFolder).filter((each) => each.includes(`~${process.pid}.`));
      let numPuts = 0;
      proxy.refuse = (method) => {
        if (method !== "PUT" || numPuts++ > 0) return undefined;
        harm(join(spoolFolder, name!));
        return { status: 503, code: "SlowDown" };
      };
      return await files.write(path, data).finally(() => data.remove());
    };
    expect(await send(rmSync)).toBe(true);
    expect(sha256((await files.read(path))!)).toBe(sha256(large));
    const { message } = await errorOf(() => send((waiting) => truncateSync(waiting, 1_000_000)), "disk/io-error");
    expect(message).toMatch(/must have 3000000 bytes until they are sent, and somebody cut it to 1000000/);
  },
);

test.skipIf(!hasS3Server("moto"))(
  "a server that drops metadata is refused, for it would lose whose data it has",
  async () => {
    const { s3 } = await startS3("moto");
    const proxy = await startFaultyS3(s3.endpoint);
    proxy.dropsMetadata = true;
    const files = await openS3Files("s3://data/x", { ...s3, endpoint: proxy.url });
    await errorOf(() => write(files, `${files.root}/run.json`, "x", "if-absent"), "store/no-metadata");
  },
);

test("a bucket that does not exist, and a server that is not there, give a line each", {
  timeout: 120_000,
}, async () => {
  const { s3 } = await startS3("s3rver");
  expect((await errorOf(() => openS3Files("s3://no-such-bucket/x", s3), "store/not-found")).message).toContain(
    "s3://no-such-bucket/x must be in a bucket that exists",
  );
  const nowhere = { ...s3, endpoint: "http://127.0.0.1:9" };
  expect((await errorOf(() => openS3Files("s3://data/x", nowhere), "store/unreachable")).message).toContain(
    "s3://data/x",
  );
  const files = await openS3Files("s3://data/x", s3);
  await errorOf(() => write(files, "s3://data/x/run.json", "x", "if-absent"), "store/no-conditional-writes");
});
