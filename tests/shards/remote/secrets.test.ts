import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, inject, onTestFinished, test } from "vitest";
import { openDataset } from "../../../shards/index.ts";
import { requireTarget } from "../../../shards/publish/open-target.ts";
import { hideSecrets } from "../../../storage/parse-location.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { runCli } from "../../support/run-cli.ts";

async function startServer(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server of a small data set, and the headers of its requests. */
async function serveDataset(): Promise<{ readonly url: string; readonly asked: IncomingHttpHeaders[] }> {
  const folder = await makeTestFolder();
  await makeDataset(folder, { train: 20, test: 5, rowsPerShard: 20 });
  const asked: IncomingHttpHeaders[] = [];
  const url = await startServer(async ({ headers, url: path }, response) => {
    asked.push(headers);
    const bytes = await readFile(join(folder, path!.replace(/\?.*/, ""))).catch(() => undefined);
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
  });
  return { url, asked };
}

const headers = { "x-api-key": "key-4711", authorization: "Bearer token-4711", "X-Other": "other-4711" };

async function readWith(url: string, options: { readonly headers?: Readonly<Record<string, string>> } = {}) {
  const cache = { directory: await makeTestFolder() };
  const dataset = await openDataset(url, { cache, ...options });
  const { ids } = await dataset.readImages([0, 19]);
  dataset.close();
  return ids;
}

test("given headers are sent on a redirect to the same origin, and not on one to another", async () => {
  const { url, asked } = await serveDataset();
  const atFirst: IncomingHttpHeaders[] = [];
  const first = await startServer((request, response) => {
    atFirst.push(request.headers);
    const isMoved = request.url!.startsWith("/moved");
    const location = isMoved ? `${url}${request.url!.slice(6)}` : `/moved${request.url}`;
    response.writeHead(isMoved ? 302 : 308, { location }).end();
  });
  expect(await readWith(first.replace("//", "//user:secret-4711@"), { headers })).toHaveLength(2);
  expect(atFirst.length).toBeGreaterThanOrEqual(4);
  for (const seen of atFirst) expect(seen).toMatchObject({ "x-api-key": "key-4711", "x-other": "other-4711" });
  expect(asked.length).toBeGreaterThanOrEqual(2);
  expect(JSON.stringify(asked)).not.toContain("4711");
  expect(asked.every((seen) => seen["accept-encoding"] === "identity")).toBe(true);
});

test.each([
  ["a signature", (url: string) => `${url}?sig=s4711`],
  ["name and password", (url: string) => url.replace("//", "//user:s4711@")],
])("workers read a location with %s, and errors do not show it", async (_, locationOf) => {
  const folder = await makeTestFolder();
  await makeDataset(folder, { train: 20, test: 5, rowsPerShard: 5 });
  const isAllowed = (asked: string, authorization = "") =>
    asked.endsWith("?sig=s4711") || Buffer.from(authorization.slice(6), "base64").toString() === "user:s4711";
  const url = await startServer(async ({ headers: { authorization }, url: asked }, response) => {
    const bytes = await readFile(join(folder, asked!.replace(/\?.*/, ""))).catch(() => undefined);
    if (bytes === undefined) response.writeHead(404).end();
    else if (isAllowed(asked!, authorization)) response.end(bytes);
    else response.writeHead(403).end();
  });
  const read = async () => {
    const options = { cache: { directory: await makeTestFolder() } };
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", readByThread], {
      env: {
        ...process.env,
        INDEX: compiled("shards/index.js"),
        URL: locationOf(url),
        OPTIONS: JSON.stringify(options),
      },
    });
    return stdout;
  };
  expect(await read()).toBe(`${url}/ 20\n`);
  await rm(join(folder, "train"), { recursive: true });
  expect(await read()).toMatch(/^store\/not-found http.*404/);
  expect(await read()).not.toContain("4711");
});

const compiled = (path: string) => pathToFileURL(join(inject("compiledFolder"), path)).href;

/** Threads cannot import TypeScript, so this is a process of its own. */
const readByThread = `
  const { openDataset } = await import(process.env.INDEX);
  const dataset = await openDataset(process.env.URL, JSON.parse(process.env.OPTIONS));
  let numIds = 0;
  try {
    const loader = dataset.loader({ regime: "finite", epochs: 1, batchSize: 5, workers: 1 });
    for await (const { ids } of loader) numIds += ids.length;
    console.log(dataset.directory, numIds);
  } catch ({ code, message }) {
    console.log(code, message);
  }
  dataset.close();`;

test("headers do not come back when a redirect comes back", async () => {
  const asked: IncomingHttpHeaders[] = [];
  let home = "";
  const away = await startServer(
    ({ url }, response) => void response.writeHead(307, { location: `${home}/back${url}` }).end(),
  );
  home = await startServer((request, response) => {
    if (request.url!.startsWith("/back")) {
      asked.push(request.headers);
      response.writeHead(404).end();
    } else response.writeHead(307, { location: `${away}${request.url}` }).end();
  });
  await errorOf(() => openDataset(home, { headers }), "store/not-found");
  expect(asked).toHaveLength(1);
  expect(JSON.stringify(asked)).not.toContain("4711");
});

test.each([
  ["in a circle", "/manifest.json", /redirects more than 10 times/],
  ["to a file", "file:///etc/passwd", /redirects to no web address/],
  ["to nowhere", "http://", /redirects to no web address/],
])("a server that redirects %s is refused by the address it was asked at", async (_, location, message) => {
  const url = await startServer((_request, response) => void response.writeHead(302, { location }).end());
  const error = await errorOf(() => openDataset(url), "store/refused");
  expect(error.message).toMatch(message);
  expect(error.message).toContain(`${url}/manifest.json`);
});

test.each([
  ["htps://user:pass-4711@host/data", "htps://…@host/data"],
  ["ftp://user:pass-4711@host/data?token=4711", "ftp://…@host/data"],
  ["https://user:pass/4711@host/data", "https://…@host/data"],
  ["https://user:pass#4711@host", "https://…@host"],
  ["https://user:4711@ho st/", "https://…@ho st/"],
  ["https://host:99999/?X-Amz-Signature=4711", "https://host:99999/"],
  ["s3://AKIA:pass-4711@bucket/prefix", "s3://…@bucket/prefix"],
  ["https//user:pass-4711@host/data", "https://…@host/data"],
])("the error for %s shows no password and no key", async (location, shown) => {
  for (const work of [() => openDataset(location), () => requireTarget(location)]) {
    const { message, cause } = await errorOf(work, "store/bad-location");
    expect(message).not.toContain("4711");
    expect(message).toContain(shown);
    expect(String(cause)).not.toContain("4711");
  }
  const { stderr } = await runCli(["verify", "--verbose", "--run", location]);
  expect(stderr).not.toContain("4711");
});

test("the report of verify for an address with a password does not show it", async () => {
  const { url } = await serveDataset();
  const { exitCode, stdout } = await runCli([
    "verify",
    "--run",
    `${url.replace("//", "//user:pass-4711@")}?token=4711`,
  ]);
  expect(stdout).toMatch(/^verified: http:\/\/…@127\.0\.0\.1:\d+ is whole\n$/);
  expect(exitCode).toBe(0);
});

test("a header that cannot be sent is refused by its name, not by its value", async () => {
  for (const value of ["key\n4711", "schlüßel ✓ 4711"]) {
    const { message } = await errorOf(
      () => openDataset("http://127.0.0.1:9", { headers: { "x-api-key": value } }),
      "store/bad-header",
    );
    expect(message).toContain('"x-api-key"');
    expect(message).not.toContain("4711");
  }
});

test("a location without secrets is shown unchanged", () => {
  for (const location of ["/data/set", "C:\\data\\a@b", "s3://bucket/prefix", "https://host/data"]) {
    expect(hideSecrets(location)).toBe(location);
  }
});

test.each([
  ["s3://bucket/a#b", /a prefix holds no #/],
  ["s3://bucket/a?b", /a prefix holds no \?/],
  ["S3://bucket/a", /begins with S3:\/\/, not with s3:\/\/ in small letters/],
  ["s3:/bucket/a", /begins with s3:\/, not with s3:\/\//],
  ["s3://My_Bucket/a", /a bucket's name has small letters/],
])("of %s the culprit is named", async (location, culprit) => {
  expect((await errorOf(() => openDataset(location), "store/bad-location")).message).toMatch(culprit);
});
