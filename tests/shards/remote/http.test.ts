import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type LoaderOptions, type OpenOptions, openDataset } from "../../../shards/index.ts";
import { requireTarget } from "../../../shards/publish/open-target.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import type { Fault } from "./faulty-server.ts";
import { hashBatches, quick } from "./remote-batches.ts";
import { always, isShard, setUp, shuffled } from "./served-dataset.ts";

/** Faults of the first response for each shard only. */
const firstTime = (fault: Fault) => (asked: { readonly path: string }, earlier: number) =>
  isShard(asked.path) && earlier === 0 ? fault : {};

test.each<LoaderOptions>([
  shuffled,
  { regime: "finite", batchSize: 16, shuffle: false },
  { regime: "finite", numSamples: 40, epochs: 3, batchSize: 8, seed: 1 },
  { regime: "infinite", batchSize: 16, seed: 9, rank: 1, worldSize: 3 },
])("over HTTP the batches are those of the folder (%o)", async (options) => {
  const { server, local, open } = await setUp();
  const wanted = await hashBatches(local, options);
  for (const memoryBytes of [0, 60 * 3072, 2 ** 28]) {
    expect(await hashBatches(await open({ memoryBytes }), options)).toEqual(wanted);
  }
  const shards = server.asked.filter(({ path }) => isShard(path)).map(({ path }) => path);
  expect(shards).toHaveLength(new Set(shards).size);
});

test("a trailing slash, a query and headers are sent with every request, and no secret appears in an error", async () => {
  const { server, open, local } = await setUp();
  const remote = await openDataset(`${server.url}/?signature=secret`, {
    headers: { "x-a": "secret" },
    transfer: quick,
  });
  expect(remote.fingerprint).toBe(local.fingerprint);
  expect(remote.directory).not.toContain("secret");
  const { message } = await errorOf(
    () => openDataset(`${server.url}/none/?signature=secret`, { transfer: quick }),
    "store/not-found",
  );
  expect(message).toContain(`${server.url}/none/manifest.json`);
  expect(message).not.toContain("secret");
  expect((await open()).numSamples).toBe(140);
});

test("rows are read in the requested order, and only their shards are fetched", async () => {
  const { server, local, open } = await setUp();
  const rows = [61, 2, 61, 139];
  const [here, there] = [await local.readImages(rows), await (await open()).readImages(rows)];
  expect(there).toEqual(here);
  const fetched = server.asked.map(({ path }) => path).filter(isShard);
  expect(fetched.sort()).toEqual(["0", "2", "4"].map((part) => `/train/part-0000${part}.arrow`));
});

test("a large shard comes in parallel parts, never more at once than allowed", async () => {
  const { server, local, open } = await setUp();
  server.fault = always({ pauseMs: 1 });
  const remote = await open({ transfer: { partBytes: 10_000, maxRequests: 3 } });
  expect(await hashBatches(remote, shuffled)).toEqual(await hashBatches(local, shuffled));
  expect(server.asked.filter(({ path }) => path === "/train/part-00000.arrow").length).toBeGreaterThan(8);
  expect(server.maxSending).toBe(3);
});

test("a dropped connection is continued where it broke off, under the condition that the file is the same", async () => {
  const { server, local, open } = await setUp();
  server.fault = (asked, earlier) => (isShard(asked.path) && earlier < 2 ? { dropAfter: 20_000 } : {});
  expect(await (await open()).readImages([5])).toEqual(await local.readImages([5]));
  const asked = server.asked.filter(({ path }) => isShard(path));
  expect(asked.length).toBeGreaterThanOrEqual(2);
  const starts = asked.slice(1).map(({ range }) => Number(/^bytes=(\d+)-/.exec(range ?? "")?.[1]));
  expect(starts.every((start, index) => start > (starts[index - 1] ?? 0))).toBe(true);
  expect(asked.slice(1).every(({ ifRange }) => ifRange?.startsWith('"') === true)).toBe(true);
});

test.each<[string, Fault, OpenOptions["transfer"]]>([
  ["drops the connection", { dropAfter: 50_000 }, {}],
  ["drops it before a byte came", { dropAfter: 0 }, {}],
  ["drops parts", { dropAfter: 5000 }, { partBytes: 20_000 }],
  ["is slow", { pauseMs: 5 }, {}],
  ["falls silent", { stalls: true }, { stallMs: 100 }],
  ["is overloaded", { status: 503 }, {}],
  ["asks for patience", { status: 429 }, {}],
  ["flips a bit", { flipAt: 70_000 }, {}],
  ["flips bits of parts", { flipAt: 15_000 }, { partBytes: 20_000 }],
  ["cuts the file", { truncateBy: 1000 }, {}],
  ["cuts parts", { truncateBy: 1000 }, { partBytes: 20_000 }],
  ["cuts the file and gives no length", { truncateBy: 1000, chunked: true }, {}],
  ["adds to the file", { extendBy: 1000 }, {}],
  ["adds to parts", { extendBy: 1000 }, { partBytes: 20_000 }],
  ["sends a page", { html: true }, {}],
  ["promises more than it sends", { lieBy: 500 }, {}],
  ["promises less than it sends", { lieBy: -500 }, {}],
  ["sends another version of parts", { etag: '"other"' }, { partBytes: 20_000 }],
])("where the server %s for once, every batch is that of the folder", async (_name, fault, transfer) => {
  const { server, local, open, cache } = await setUp();
  server.fault = firstTime(fault);
  const remote = await open({ transfer: { ...transfer } });
  expect(await hashBatches(remote, shuffled)).toEqual(await hashBatches(local, shuffled));
  // No wrong bytes remain.
  expect(await readdir(join(cache, "shards"))).toHaveLength(5);
});

test.each<[string, Fault, OpenOptions["transfer"]]>([
  ["ignores ranges", { ignoresRange: true }, { partBytes: 20_000 }],
  ["ignores ranges and drops connections", { ignoresRange: true, dropAfter: 60_000 }, { partBytes: 20_000 }],
  ["gives no length and no version", { chunked: true }, {}],
  ["drops every connection", { dropAfter: 30_000 }, {}],
  ["drops every connection of a part", { dropAfter: 6000 }, { partBytes: 20_000 }],
])("where the server %s, every batch is that of the folder", async (_name, fault, transfer) => {
  const { server, local, open } = await setUp();
  // A server without ranges that always drops would never finish, so this one drops three times.
  server.fault = (asked, earlier) =>
    !isShard(asked.path) ? {} : fault.ignoresRange && earlier >= 3 ? { ignoresRange: true } : fault;
  const remote = await open({ transfer: { ...transfer } });
  expect(await hashBatches(remote, shuffled)).toEqual(await hashBatches(local, shuffled));
});

test.each<[string, Fault, string, RegExp, OpenOptions["transfer"]]>([
  ["has no such file", { status: 404 }, "store/not-found", /must exist, the server answers 404/, {}],
  ["forbids it", { status: 403 }, "store/forbidden", /answers 403/, {}],
  ["refuses", { status: 400 }, "store/refused", /answers 400/, {}],
  ["is broken", { status: 500 }, "store/unreachable", /failed 4 times, last with: HTTP status 500/, {}],
  ["drops at once", { dropAfter: 0 }, "store/unreachable", /failed 4 times/, {}],
  ["falls silent", { stalls: true, chunked: true }, "store/unreachable", /no bytes for 50 ms/, { stallMs: 50 }],
  ["flips a bit", { flipAt: 9 }, "store/wrong-content", /3 times it was \d+ bytes with sha256/, {}],
  ["cuts the file", { truncateBy: 10 }, "store/wrong-content", /must be \d+ bytes .* it was \d+ bytes of/, {}],
  ["adds to the file", { extendBy: 10 }, "store/wrong-content", /it was \d+ bytes of application/, {}],
  ["sends a page", { html: true }, "store/wrong-content", /it was \d+ bytes of an HTML page/, {}],
  ["is too slow", { pauseMs: 300 }, "store/too-slow", /within 0.4 s/, { totalMs: 400 }],
])("a server that %s is given up with a clear error", async (_name, fault, code, pattern, transfer) => {
  const { server, open, cache } = await setUp();
  server.fault = always(fault);
  const remote = await open({ transfer: { ...transfer } });
  const { message } = await errorOf(() => hashBatches(remote, shuffled), code);
  expect(message).toContain(`${server.url}/train/part-0000`);
  expect(message).toMatch(pattern);
  // The server learns of closed connections a moment later.
  while (server.numUnderWay > 0) await sleep(5);
  while ((await readdir(join(cache, "shards")).catch(() => [])).length > 0) await sleep(5);
  server.fault = () => ({});
  await hashBatches(remote, shuffled);
});

test("whatever goes wrong, a batch is right or an error is clear", async () => {
  const { server, local } = await setUp();
  const wanted = await hashBatches(local, shuffled);
  const fault: fc.Arbitrary<Fault> = fc.oneof(
    fc.constant({}),
    fc.record({ status: fc.constantFrom(403, 404, 416, 429, 500, 503) }),
    fc.record({ dropAfter: fc.nat(30_000), ignoresRange: fc.boolean(), chunked: fc.boolean() }),
    fc.record({ flipAt: fc.nat(30_000), ignoresRange: fc.boolean() }),
    fc.record({ truncateBy: fc.nat(30_000), chunked: fc.boolean() }),
    fc.record({ extendBy: fc.nat(30_000), chunked: fc.boolean() }),
    fc.record({ lieBy: fc.integer({ min: -300, max: 300 }) }),
    fc.record({ html: fc.constant(true) }),
    fc.record({ etag: fc.constantFrom('"a"', '"b"', 'W/"c"') }),
  );
  const codes = new Set<string>();
  const run = fc.asyncProperty(
    fc.infiniteStream(fault),
    fc.constantFrom(7000, 25_000, 2 ** 20),
    async (faults, partBytes) => {
      server.fault = ({ path }) => (isShard(path) ? faults.next().value : {});
      const remote = await openDataset(server.url, {
        cache: { directory: await makeTestFolder() },
        memoryBytes: 0,
        transfer: { ...quick, partBytes },
      });
      try {
        expect(await hashBatches(remote, shuffled)).toEqual(wanted);
        codes.add("equal");
      } catch (thrown) {
        if (!(thrown instanceof Error && "code" in thrown)) throw thrown;
        expect(thrown.code).toMatch(/^store\/(not-found|forbidden|unreachable|wrong-content)$/);
        expect(thrown.message).toContain(server.url);
        codes.add(String(thrown.code));
      }
    },
  );
  await fc.assert(run, { numRuns: 60 });
  expect(codes.size).toBeGreaterThan(1);
});

test("a file that was replaced in the middle is not spliced", async () => {
  const { server, folder, open } = await setUp();
  const path = join(folder, "train/part-00001.arrow");
  const other = await readFile(path);
  other[60_000]! ^= 1;
  let isReplaced = false;
  server.fault = (asked) => {
    if (asked.path !== "/train/part-00001.arrow" || isReplaced) return {};
    isReplaced = true;
    return { dropAfter: 30_000 };
  };
  const remote = await open();
  const reading = errorOf(() => remote.readImages([35]), "store/wrong-content");
  while (!isReplaced) await sleep(1);
  await writeFile(path, other);
  expect((await reading).message).toContain("part-00001.arrow");
});

test.each<[string, Fault, string]>([
  ["is not there", { status: 404 }, "store/not-found"],
  ["is a page", { html: true }, "store/wrong-content"],
  ["is damaged", { flipAt: 300 }, "json/corrupt"],
  ["never comes", { dropAfter: 10 }, "store/unreachable"],
])("a manifest that %s is refused by its URL", async (_name, fault, code) => {
  const { server, open } = await setUp();
  server.fault = () => fault;
  expect((await errorOf(open, code)).message).toContain(`${server.url}/manifest.json`);
});

test("a manifest that arrives too slowly is given up when all attempts together have taken too long", async () => {
  const { server, open } = await setUp();
  server.fault = () => ({ pauseMs: 150 });
  const { message } = await errorOf(() => open({ transfer: { totalMs: 400 } }), "store/too-slow");
  expect(message).toContain(`${server.url}/manifest.json must arrive within 0.4 s`);
});

test("the error for a server that does not answer names it", async () => {
  const nobody = createServer();
  await new Promise<void>((resolve) => nobody.listen(0, "127.0.0.1", resolve));
  const { port } = nobody.address() as AddressInfo;
  await new Promise((resolve) => nobody.close(resolve));
  const open = () => openDataset(`http://127.0.0.1:${port}/dataset`, { transfer: quick });
  const { message } = await errorOf(open, "store/unreachable");
  expect(message).toMatch(/\/dataset\/manifest\.json failed 4 times, last with: .*ECONNREFUSED/);
});

test("an error of a prefetch is thrown by the batch that needs the shard, not before", async () => {
  const { server, open } = await setUp();
  server.fault = (asked) => (asked.path === "/train/part-00003.arrow" ? { status: 404 } : {});
  const loader = (await open()).loader({ regime: "finite", batchSize: 10, shuffle: false });
  let numBatches = 0;
  const drain = async () => {
    for await (const _ of loader) {
      numBatches++;
      await sleep(2);
    }
  };
  expect((await errorOf(drain, "store/not-found")).message).toContain("part-00003");
  expect(numBatches).toBe(9);
});

test("options and locations out of range are refused by name", async () => {
  const { server } = await setUp();
  const open = (options: object) => () => openDataset(server.url, options as OpenOptions);
  const { message } = await errorOf(open({ transfer: { tries: 0 } }), "store/out-of-range");
  expect(message).toContain("transfer.tries must be an integer, at least 1 and at most 100, got 0. ");
  const { message: unknown } = await errorOf(open({ transfer: { trys: 3 } }), "store/out-of-range");
  expect(unknown).toContain("transfer has the unknown key trys. ");
  await errorOf(open({ cache: { maxBytes: Number.NaN } }), "store/out-of-range");
  await errorOf(() => openDataset(""), "store/bad-location");
  await errorOf(() => openDataset("ftp://host/dataset"), "store/bad-location");
  for (const [url, what] of [
    ["file://host/data", "it names another host"],
    ["file:///data%2Fset", "its path has an encoded slash"],
    ["file:///data%ZZ", "a percent sign in it escapes nothing"],
    ["file://[", "it is not a valid URL"],
    ["file:///data%00", "it has a zero byte"],
  ] as const) {
    for (const use of [openDataset, requireTarget]) {
      expect((await errorOf(() => use(url), "store/bad-location")).message).toContain(`/data/set: ${what}`);
    }
  }
  await errorOf(() => openDataset("s3://"), "store/bad-location");
  await errorOf(() => openDataset("http://"), "store/bad-location");
});

test("failures count in a row: bytes that come begin the row anew, and the message tells how many there were", async () => {
  const { server, open, cache } = await setUp();
  const transfer = { tries: 2, firstDelayMs: 1, maxDelayMs: 5 };
  // Of one shard, every second connection brings nothing, and the others a part.
  server.fault = ({ path }, earlier) => (isShard(path) ? { dropAfter: earlier % 2 === 0 ? 0 : 10_000 } : {});
  const dataset = await open({ transfer });
  expect((await dataset.readImages([0])).ids).toHaveLength(1);
  dataset.close();
  await rm(cache, { recursive: true });
  server.forget();
  // Bytes come twice, and then no more.
  server.fault = ({ path }, earlier) => (isShard(path) ? { dropAfter: earlier < 2 ? 10_000 : 0 } : {});
  const other = await open({ transfer });
  const { message } = await errorOf(() => other.readImages([0]), "store/unreachable");
  expect(message).toContain("failed 4 times, last with: ");
  other.close();
});
