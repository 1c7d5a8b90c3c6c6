import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test, vi } from "vitest";
import { openDataset } from "../../../shards/index.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";

/** The headers of another origin's response that a browser shows to scripts, unless the server exposes more. */
const safelisted = /^(cache-control|content-language|content-length|content-type|expires|last-modified|pragma)$/;

test("a set of another origin whose JSON is compressed opens in a browser, which hides the encoding and shows the length", async () => {
  const [folder, directory] = [await makeTestFolder(), await makeTestFolder()];
  const { sha256 } = await makeDataset(folder, { train: 60, test: 20, rowsPerShard: 30 });
  const server = createServer(async ({ url = "" }, reply) => {
    const data = await readFile(join(folder, url));
    const isJson = url.endsWith(".json");
    const body = isJson ? gzipSync(data) : data;
    const encoding = isJson ? { "content-encoding": "gzip" } : {};
    reply.writeHead(200, { "content-length": body.length, ...encoding }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
    vi.unstubAllGlobals();
  });
  const nodeFetch = globalThis.fetch;
  vi.stubGlobal("fetch", async (...args: Parameters<typeof fetch>) => {
    const { body, status, headers } = await nodeFetch(...args);
    return new Response(body, { status, headers: [...headers].filter(([name]) => safelisted.test(name)) });
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dataset = await openDataset(url, { cache: { directory }, transfer: { tries: 1 } });
  expect(dataset.manifest.sha256).toBe(sha256);
  expect((await dataset.readImages([0])).ids).toHaveLength(1);
  dataset.close();
});
