import { readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseByteRange } from "../../../pipeline/serve/byte-range.ts";
import type { ShardEntry } from "../../../shards/index.ts";
import { serveForAllTests, startServe } from "../../scripts/start-serve.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";

const shared = serveForAllTests();

async function firstShard() {
  const { origin, folder, manifest } = shared();
  const shard = manifest.splits.train.shards[0]!;
  return { shard, bytes: await readFile(join(folder, shard.file)), url: `${origin}/dataset/${shard.file}` };
}

const bodyOf = async (response: Response) => Buffer.from(await response.arrayBuffer());

test("manifest and shards are served byte for byte, each with its sha256 as strong entity tag", async () => {
  const { folder, manifest, origin } = shared();
  const { train, test } = manifest.splits;
  for (const { file, bytes, sha256 } of [...train.shards, ...test.shards]) {
    const response = await fetch(`${origin}/dataset/${file}`);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/vnd.apache.arrow.file",
      "content-length": String(bytes),
      "accept-ranges": "bytes",
      "cache-control": "no-cache",
      etag: `"${sha256}"`,
      "x-content-type-options": "nosniff",
    });
    expect(response.headers.has("last-modified")).toBe(false);
    expect((await bodyOf(response)).equals(await readFile(join(folder, file)))).toBe(true);
  }
  const response = await fetch(`${origin}/dataset/manifest.json`);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect((await bodyOf(response)).equals(await readFile(join(folder, "manifest.json")))).toBe(true);
});

test("HEAD gives the headers of GET, without the body", async () => {
  const { origin } = shared();
  const { shard } = await firstShard();
  for (const path of ["/", "/contact-sheet.png", "/dataset/manifest.json", `/dataset/${shard.file}`]) {
    const [head, get] = await Promise.all(["HEAD", "GET"].map((method) => fetch(`${origin}${path}`, { method })));
    const headersOf = (response: Response) => {
      // fetch closes its connection after HEAD.
      const { date, connection, "keep-alive": keepAlive, ...others } = Object.fromEntries(response.headers);
      return others;
    };
    expect(headersOf(head!), path).toEqual(headersOf(get!));
    expect((await bodyOf(head!)).byteLength).toBe(0);
    expect((await bodyOf(get!)).byteLength).toBe(Number(get!.headers.get("content-length")));
  }
});

test("every range is answered with exactly those bytes of the file", async () => {
  const { bytes, url } = await firstShard();
  const size = bytes.byteLength;
  const position = fc.oneof(
    fc.nat(size + 10),
    fc.constantFrom(0, 1, size - 1, size, size + 1, Number.MAX_SAFE_INTEGER),
  );
  const header = fc.oneof(
    fc.tuple(position, position).map(([first, last]) => `bytes=${first}-${last}`),
    position.map((first) => `bytes=${first}-`),
    position.map((length) => `bytes=-${length}`),
  );
  await fc.assert(
    fc.asyncProperty(header, async (range) => {
      const response = await fetch(url, { headers: { range } });
      const body = await bodyOf(response);
      const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(range)!;
      if (first !== "" && last !== "" && Number(first) > Number(last)) {
        // Not well formed, so it counts as absent.
        expect(response.status).toBe(200);
        expect(body.equals(bytes)).toBe(true);
        return;
      }
      const expected =
        first === ""
          ? bytes.subarray(Math.max(0, size - Number(last)))
          : bytes.subarray(Number(first), last === "" ? size : Number(last) + 1);
      if (expected.byteLength === 0) {
        expect(response.status).toBe(416);
        expect(response.headers.get("content-range")).toBe(`bytes */${size}`);
        return;
      }
      const start = first === "" ? size - expected.byteLength : Number(first);
      expect(response.status).toBe(206);
      expect(response.headers.get("content-range")).toBe(`bytes ${start}-${start + expected.byteLength - 1}/${size}`);
      expect(response.headers.get("content-length")).toBe(String(expected.byteLength));
      expect(body.equals(expected)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test("a Range header of another kind is ignored, as RFC 9110 requires", () => {
  for (const header of [undefined, "", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-1,5-6", "rows=0-1", "bytes=0x1-2"]) {
    expect(parseByteRange(header, 100), header).toBe(undefined);
  }
  expect(parseByteRange("bytes=0-0", 0)).toBe("unsatisfiable");
  expect(parseByteRange("bytes=-5", 0)).toBe("unsatisfiable");
});

test("conditions are answered by the entity tag", async () => {
  const { shard, url } = await firstShard();
  const etag = `"${shard.sha256}"`;
  const statusOf = async (headers: Record<string, string>) => (await fetch(url, { headers })).status;
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
    expect(await statusOf({ "if-none-match": known, range: "bytes=0-9" }), known).toBe(304);
  }
  expect(await statusOf({ "if-none-match": '"other"' })).toBe(200);
  for (const wanted of [etag, `"other", ${etag}`, "*"]) expect(await statusOf({ "if-match": wanted })).toBe(200);
  for (const wanted of ['"other"', `W/${etag}`]) expect(await statusOf({ "if-match": wanted })).toBe(412);
  const range = "bytes=0-9";
  expect(await statusOf({ range, "if-range": etag })).toBe(206);
  for (const held of ['"other"', `W/${etag}`, new Date().toUTCString()]) {
    expect(await statusOf({ range, "if-range": held }), held).toBe(200);
  }
  const unchanged = await fetch(url, { headers: { "if-none-match": etag } });
  expect(unchanged.headers.get("etag")).toBe(etag);
  expect(await unchanged.text()).toBe("");
});

test("only an address with the hash in it may be cached forever", async () => {
  const { shard, url } = await firstShard();
  const byHash = await fetch(`${url}?sha256=${shard.sha256}`);
  expect(byHash.headers.get("cache-control")).toMatch(/max-age=\d{8}, immutable/);
  expect((await fetch(`${url}?sha256=${"0".repeat(64)}`)).status).toBe(404);
  expect((await fetch(`${url}?again`)).headers.get("cache-control")).toBe("no-cache");
});

test("a damaged file is not sent; the server reports the reason and serves the rest", async () => {
  const folder = await makeTestFolder();
  const manifest = await makeDataset(folder, { train: 25, test: 4, rowsPerShard: 10 });
  const served = await startServe(folder);
  const [shard, other] = manifest.splits.train.shards as [ShardEntry, ShardEntry];
  await truncate(join(folder, shard.file), shard.bytes - 1);
  const response = await fetch(`${served.origin}/dataset/${shard.file}`);
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain(folder);
  expect(served.errors()).toContain(`serve/size-mismatch: ${join(folder, shard.file)} is ${shard.bytes - 1} bytes`);
  expect((await fetch(`${served.origin}/dataset/${other.file}`)).status).toBe(200);
  expect(await (await fetch(served.origin)).text()).toContain("The shards cannot be read.");
});

test("a download whose file shrinks meanwhile is broken off, not padded and not left hanging", async () => {
  const folder = await makeTestFolder();
  const manifest = await makeDataset(folder, { train: 20_000, test: 0, rowsPerShard: 20_000 });
  const { origin, errors } = await startServe(folder);
  const { file, bytes } = manifest.splits.train.shards[0]!;
  const reader = (await fetch(`${origin}/dataset/${file}`)).body!.getReader();
  let numRead = (await reader.read()).value!.byteLength;
  await truncate(join(folder, file), bytes / 2);
  const readOn = async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) numRead += part.value.byteLength;
  };
  await expect(readOn()).rejects.toThrow();
  expect(numRead).toBeLessThan(bytes);
  expect(errors()).toMatch(/^serve\/size-mismatch: .* ended .*\n$/);
});
