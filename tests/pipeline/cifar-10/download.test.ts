import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { type FileHandle, mkdtemp, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type Download, download } from "../../../pipeline/cifar-10/download.ts";
import { errorOf } from "../../support/expect-error.ts";
import { noiseBytes } from "../../support/make-cifar-10.ts";

const content = noiseBytes("archive", 300_000);
const md5 = createHash("md5").update(content).digest("hex");
let folder: string;
let server: Server;
let ranges: (string | undefined)[] = [];
/** The behavior of the server for each connection; the last one repeats. */
let behaviors: readonly { readonly sends?: number; readonly status?: number; readonly ignoresRange?: boolean }[] = [{}];
/** The content-encoding that the server names. */
let encoding: string | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-download-"));
  server = createServer((request, response) => {
    const { sends = content.length, status, ignoresRange } = behaviors[Math.min(ranges.length, behaviors.length - 1)]!;
    ranges.push(request.headers.range);
    if (status !== undefined) return void response.writeHead(status).end();
    const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
    const start = asked === null || ignoresRange === true ? 0 : Number(asked[1]);
    if (start >= content.length) return void response.writeHead(416).end();
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": content.length - start,
      ...(start > 0 ? { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
      // As some servers do for every .tar.gz, unless asked for the bytes as they are.
      ...(encoding === undefined || request.headers["accept-encoding"] === "identity"
        ? {}
        : { "content-encoding": encoding }),
    });
    response.write(content.subarray(start, start + sends), () => {
      if (start + sends >= content.length) response.end();
      else response.socket?.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(() => {
  ranges = [];
  encoding = undefined;
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

function task(name: string, changes: Partial<Download> = {}): Download {
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/archive`;
  return {
    url,
    md5,
    path: join(folder, name),
    signal: new AbortController().signal,
    retryMs: 1,
    maxFailures: 3,
    ...changes,
  };
}

test("a server that calls an archive an encoded file sends it as it is", async () => {
  behaviors = [{}];
  encoding = "x-gzip";
  await download(task("encoded"));
  expect(await readFile(join(folder, "encoded"))).toEqual(Buffer.from(content));
});

test("a connection that drops repeatedly is continued where it broke off", async () => {
  behaviors = [{ sends: 120_000 }];
  await download(task("dropping"));
  expect((await readFile(join(folder, "dropping"))).equals(content)).toBe(true);
  expect(ranges[0]).toBeUndefined();
  // A drop may lose bytes that were on their way, so where it broke off is for the client to say: on, never back.
  const starts = ranges.map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? "bytes=0-")?.[1]));
  expect(starts.length).toBeGreaterThanOrEqual(3);
  const steps = starts.slice(1).map((start, index) => start - starts[index]!);
  expect(steps.every((step) => step > 0 && step <= 120_000)).toBe(true);
});

test("a download that gave up is continued by a later call", async () => {
  behaviors = [{ sends: 100_000 }, { status: 503 }];
  const { message } = await errorOf(() => download(task("later")), "download/failed");
  expect(message).toContain("503");
  const { size } = await stat(join(folder, "later"));
  expect(message).toContain(`continue at byte ${size},`);
  expect(size).toBeGreaterThan(0);
  expect(size).toBeLessThanOrEqual(100_000);
  ranges = [];
  behaviors = [{}];
  await download(task("later"));
  expect(ranges).toEqual([`bytes=${size}-`]);
  expect((await readFile(join(folder, "later"))).equals(content)).toBe(true);
});

test("a download from a server without ranges starts from the beginning", async () => {
  behaviors = [{ sends: 100_000 }, { ignoresRange: true }];
  await download(task("no-ranges"));
  expect((await readFile(join(folder, "no-ranges"))).equals(content)).toBe(true);
});

test("a whole file that is there already is checked, not fetched", async () => {
  behaviors = [{}];
  await writeFile(join(folder, "whole"), content);
  await download(task("whole"));
  expect(ranges).toEqual([`bytes=${content.length}-`]);
});

test("a wrong checksum deletes the file and names both sums", async () => {
  behaviors = [{}];
  const wanted = "0".repeat(32);
  const { message } = await errorOf(() => download(task("wrong", { md5: wanted })), "download/wrong-checksum");
  expect(message).toContain(wanted);
  expect(message).toContain(md5);
  await expect(stat(join(folder, "wrong"))).rejects.toThrow("ENOENT");
});

test("a request that was refused is not repeated", async () => {
  behaviors = [{ status: 404 }];
  await errorOf(() => download(task("refused")), "download/refused");
  expect(ranges.length).toBe(1);
});

test("an error of the disk is not one of the network: it ends the download at once", async () => {
  behaviors = [{ ignoresRange: true }];
  await writeFile(join(folder, "failing"), content.subarray(0, 100));
  const handle = await open(join(folder, "failing"));
  const truncate = vi.spyOn(Object.getPrototypeOf(handle) as FileHandle, "truncate");
  await handle.close();
  truncate.mockRejectedValue(Object.assign(new Error("EIO: i/o error, ftruncate"), { code: "EIO" }));
  try {
    await errorOf(() => download(task("failing")), "disk/io-error");
    expect(ranges).toEqual(["bytes=100-"]);
  } finally {
    truncate.mockRestore();
  }
});

test.skipIf(!existsSync("/dev/full"))("a full disk ends the download at once", async () => {
  behaviors = [{}];
  await errorOf(() => download(task("full", { path: "/dev/full" })), "disk/full");
  expect(ranges.length).toBe(1);
});

test("an aborted download ends with the reason of its signal", async () => {
  behaviors = [{ sends: 100_000 }];
  const stop = new AbortController();
  const reason = new Error("somebody pressed Ctrl-C");
  const onBytes = () => stop.abort(reason);
  await expect(download(task("aborted", { signal: stop.signal, onBytes }))).rejects.toBe(reason);
  expect(ranges.length).toBe(1);
});

test("a silent server counts as lost", async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
  const { message } = await errorOf(() => download(task("silent", { url, idleMs: 50 })), "download/failed");
  expect(message).toContain("no bytes for 50 ms");
  silent.closeAllConnections();
  silent.close();
});
