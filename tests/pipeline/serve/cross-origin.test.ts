import { expect, test } from "vitest";
import { parseOrigins } from "../../../pipeline/serve/cross-origin.ts";
import { serveForAllTests, startServe } from "../../scripts/start-serve.ts";
import { errorOf } from "../../support/expect-error.ts";

const shared = serveForAllTests();

function ask(base: string, origin: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${base}/dataset/manifest.json`, { ...init, headers: { ...init.headers, Origin: origin } });
}

test("only pages of origins that were named may read a data set, parts of shards included", async () => {
  const { origin } = await startServe(shared().folder, ["--allow-origin", "https://a.org,http://localhost:3000"]);
  for (const page of ["https://a.org", "http://localhost:3000"]) {
    const { headers, status } = await ask(origin, page, { headers: { Range: "bytes=0-9" } });
    expect([status, headers.get("access-control-allow-origin"), headers.get("vary")]).toEqual([206, page, "Origin"]);
    expect(headers.get("access-control-expose-headers")).toContain("Content-Range");
  }
  for (const page of ["https://b.org", "https://a.org.evil.com", "null"]) {
    const { headers } = await ask(origin, page);
    expect([headers.get("access-control-allow-origin"), headers.get("vary")]).toEqual([null, "Origin"]);
  }
  const wish = { "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range" };
  const preflight = await ask(origin, "https://a.org", { method: "OPTIONS", headers: wish });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-headers")).toContain("Range");
  expect((await ask(origin, "https://b.org", { method: "OPTIONS", headers: wish })).status).toBe(405);
});

test("a page of another origin reads the files of both sets, and nothing else of the site", async () => {
  const { folder } = shared();
  const { origin } = await startServe(folder, ["--allow-origin", "https://a.org", "--compare", folder]);
  const allowed = async (path: string, init: RequestInit = {}) => {
    const { headers, status } = await fetch(`${origin}${path}`, {
      ...init,
      headers: { ...init.headers, Origin: "https://a.org" },
    });
    return [status, headers.get("access-control-allow-origin"), headers.get("vary")];
  };
  const { file } = shared().manifest.splits.train.shards[0]!;
  for (const path of ["/dataset/manifest.json", `/dataset/${file}`, "/compare/dataset/manifest.json"]) {
    expect(await allowed(path), path).toEqual([200, "https://a.org", "Origin"]);
  }
  expect(await allowed("/dataset/flags.json")).toEqual([404, "https://a.org", "Origin"]);
  // The first names the local path.
  for (const path of ["/", "/browse", "/site.json", "/columns/train.bin", "/contact-sheet.png", "/assets/browse.js"]) {
    expect(await allowed(path), path).toEqual([200, null, null]);
  }
  for (const path of ["/build.json", "/samples/0", "//dataset/manifest.json", "/x/dataset/manifest.json"]) {
    expect(await allowed(path), path).toEqual([404, null, null]);
  }
  const wish = { "Access-Control-Request-Method": "GET" };
  expect(await allowed("/", { method: "OPTIONS", headers: wish })).toEqual([405, null, null]);
});

test("with * every page may, and by default none", async () => {
  const { origin } = await startServe(shared().folder, ["--allow-origin", "*"]);
  expect((await ask(origin, "https://any.org")).headers.get("access-control-allow-origin")).toBe("*");
  const { headers } = await ask(shared().origin, "https://any.org");
  expect([headers.get("access-control-allow-origin"), headers.get("vary")]).toEqual([null, null]);
});

test("what is not an origin is refused before anything is served", async () => {
  expect([...parseOrigins(["https://A.org/", "*"])]).toEqual(["https://a.org", "*"]);
  for (const text of ["a.org", "https://a.org/x", "https://a.org?x", "ftp://a.org", "https://u:p@a.org", "null", ""]) {
    const { message } = await errorOf(() => parseOrigins([text]), "usage/invalid-origin");
    expect(message).toContain("--allow-origin");
  }
});
