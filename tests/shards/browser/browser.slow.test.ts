import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, onTestFinished, test } from "vitest";
import { type LoaderOptions, type LoaderState, openDataset } from "../../../shards/index.ts";
import { serveForAllTests } from "../../scripts/start-serve.ts";
import type { PageAnswer, PageTask } from "./page.ts";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const chromium = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);
const served = serveForAllTests();

async function bundle(entry: string): Promise<{ readonly code: Uint8Array; readonly inputs: readonly string[] }> {
  const options = { bundle: true, format: "esm", platform: "browser", target: "es2022", minify: true } as const;
  const result = await build({ entryPoints: [entry], ...options, write: false, metafile: true, logLevel: "silent" });
  return { code: result.outputFiles[0]!.contents, inputs: Object.keys(result.metafile.inputs) };
}

test("the bundle for browsers needs nothing of Node and is at most 150 kB, compressed", async () => {
  // A module of Node would end the bundling.
  const { code, inputs } = await bundle(path("../../../shards/browser/index.ts"));
  expect(new TextDecoder().decode(code)).not.toMatch(/from\s*"node:|require\(/);
  expect(inputs.filter((input) => /piscina|client-s3|onnxruntime|tensorflow/.test(input))).toEqual([]);
  expect(gzipSync(code).length).toBeLessThan(150_000);
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/** Serves the page, and the data set of `cifar5m serve` below it; runs a browser on it and returns what the page found. */
async function runPage(tasks: readonly PageTask[]): Promise<unknown> {
  const { code } = await bundle(path("page.ts"));
  const tensorflow = await readFile(path("../../../node_modules/@tensorflow/tfjs/dist/tf.min.js"));
  const page = `<!doctype html><script src="tf.js"></script><script type="module" src="page.js"></script>`;
  let numShardRequests = 0;
  let finish: (result: unknown) => void;
  const result = new Promise<unknown>((resolve) => {
    finish = resolve;
  });
  const server = createServer(async (request, response) => {
    const url = request.url ?? "/";
    const send = (type: string, body: string | Uint8Array) => response.setHeader("content-type", type).end(body);
    if (url === "/") send("text/html", page);
    else if (url === "/page.js") send("text/javascript", code);
    else if (url === "/tf.js") send("text/javascript", tensorflow);
    else if (url === "/tasks") send("application/json", JSON.stringify({ tasks }));
    else if (url === "/shard-requests") send("application/json", String(numShardRequests));
    else if (url === "/result") {
      finish(JSON.parse(await bodyOf(request)));
      response.end();
    } else {
      if (url.endsWith(".arrow")) numShardRequests++;
      const { range } = request.headers;
      const reply = await fetch(`${served().origin}${url}`, range === undefined ? {} : { headers: { range } });
      for (const name of ["content-type", "content-range", "etag"]) {
        const value = reply.headers.get(name);
        if (value !== null) response.setHeader(name, value);
      }
      response.writeHead(reply.status).end(new Uint8Array(await reply.arrayBuffer()));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const profile = await mkdtemp(join(tmpdir(), "cifar5m-browser-"));
  const { port } = server.address() as AddressInfo;
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
  const browser: ChildProcess = spawn(chromium!, [...flags, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`]);
  onTestFinished(async () => {
    browser.kill("SIGKILL");
    server.closeAllConnections();
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 20 });
  });
  return await result;
}

/** The results of the page's tasks in Node. */
async function answerInNode({ options, numBatches, state }: PageTask): Promise<PageAnswer> {
  const dataset = await openDataset(served().folder);
  const loader = dataset.loader({ ...options, ...(state === undefined ? {} : { state }) });
  const ids: number[][] = [];
  const images: string[] = [];
  for await (const batch of loader) {
    ids.push([...batch.ids]);
    const { buffer, byteOffset, byteLength } = batch.images;
    images.push(
      createHash("sha256")
        .update(new Uint8Array(buffer, byteOffset, byteLength))
        .digest("hex"),
    );
    if (ids.length === numBatches) break;
  }
  dataset.close();
  return { ids, images, state: loader.state() };
}

/** Ids of the rows of some labels, rising. */
async function idsOfClasses(classes: readonly number[]): Promise<number[]> {
  const dataset = await openDataset(served().folder);
  const { ids, labels } = await dataset.readImages(Uint32Array.from({ length: dataset.numSamples }, (_, row) => row));
  dataset.close();
  return [...ids].filter((_, row) => classes.includes(labels[row]!));
}

test.skipIf(chromium === undefined)(
  "Chromium serves the same batches as Node in both regimes, goes on with states of Node, trains, and keeps shards",
  async () => {
    const augmented: LoaderOptions<"float32"> = {
      ...({ regime: "finite", epochs: 3, numSamples: 20, batchSize: 6, seed: 8, dropLast: false } as const),
      ...({ dtype: "float32", layout: "NCHW", normalize: true, labelNoise: { rate: 0.2 } } as const),
      augment: { flip: true, crop: { padding: 4, mode: "reflect" }, cutout: { size: 8 }, mixup: { alpha: 0.4 } },
    };
    const infinite = { regime: "infinite", batchSize: 4, seed: 5 } as const;
    const begun = await answerInNode({ options: infinite, numBatches: 2 });
    const tasks: PageTask[] = [
      { options: augmented as PageTask["options"] },
      { options: infinite, numBatches: 4, state: begun.state },
      { options: { regime: "finite", shuffle: "blocked", epochs: 2, batchSize: 5, seed: 2 } },
      { options: { regime: "finite", epochs: 5, batchSize: 7, seed: 1 }, numBatches: 4 },
    ];
    const found = (await runPage(tasks)) as {
      readonly failed?: string;
      readonly answers: readonly PageAnswer[];
      readonly streamed: readonly number[];
      readonly losses: readonly number[];
      readonly kept: PageAnswer;
      readonly repaired: PageAnswer;
      readonly squeezed: PageAnswer;
      readonly numKept: number;
      readonly fetched: PageAnswer;
      readonly requests: readonly number[];
      readonly codes: readonly string[];
    };
    expect(found.failed).toBeUndefined();
    for (const [index, task] of tasks.entries()) expect(found.answers[index]).toEqual(await answerInNode(task));
    // The other direction: Node continues from a state of the browser.
    const rest = { ...tasks[3]!, state: found.answers[3]!.state as LoaderState, numBatches: 3 };
    const whole = await answerInNode({ ...tasks[3]!, numBatches: 7 });
    expect((await answerInNode(rest)).ids).toEqual(whole.ids.slice(4));
    expect(found.streamed).toEqual(await idsOfClasses([3, 4]));
    expect(found.losses).toHaveLength(2);
    for (const loss of found.losses) expect(loss).toBeGreaterThan(0);
    for (const again of [found.kept, found.repaired, found.squeezed]) expect(again).toEqual(found.answers[0]);
    expect(found.fetched).toEqual(found.answers[0]);
    // Three shards: fetched once, then found in the page's private files; the damaged one fetched again; all fetched again
    // where private files are not used.
    expect(found.requests).toEqual([3, 3, 4, 7]);
    expect(found.numKept).toBe(1);
    expect(found.codes).toEqual([
      "store/not-found",
      "store/bad-location",
      "options/unknown-key",
      "loader/no-workers",
      "regime/exhausted",
    ]);
  },
);
