import { spawn, spawnSync } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { openDataset } from "../../../shards/index.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { hashBatches, quick } from "./remote-batches.ts";

const nginx = ["nginx", "/usr/sbin/nginx"].find((path) => spawnSync(path, ["-v"]).status === 0);
const shuffled = { regime: "finite", epochs: 2, batchSize: 16, seed: 3, dropLast: false } as const;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Serves a folder by nginx, compression on, until the test ends. @returns URL of the folder */
async function startNginx(root: string, location = ""): Promise<string> {
  const [prefix, port] = [await makeTestFolder(), await freePort()];
  await mkdir(join(prefix, "logs"));
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${prefix};`);
  await writeFile(
    join(prefix, "nginx.conf"),
    `daemon off; worker_processes 1; pid ${prefix}/pid; error_log ${prefix}/logs/error.log;
     ${process.getuid?.() === 0 ? "user root;" : ""}
     events {}
     http { ${temporary.join(" ")} access_log ${prefix}/logs/access.log; gzip on; gzip_types *; gzip_min_length 1;
       server { listen 127.0.0.1:${port}; location /data/ { alias ${root}/; ${location} } } }`,
  );
  const child = spawn(nginx ?? "nginx", ["-p", prefix, "-c", join(prefix, "nginx.conf")], { stdio: "ignore" });
  onTestFinished(async () => {
    const closed = new Promise((resolve) => child.on("close", resolve));
    child.kill("SIGTERM");
    await closed;
  });
  while ((await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)) === undefined) await sleep(20);
  return `http://127.0.0.1:${port}/data`;
}

async function setUp(location?: string) {
  const [folder, cache] = [await makeTestFolder(), await makeTestFolder()];
  await makeDataset(folder, { train: 140, test: 20, rowsPerShard: 30 });
  const url = await startNginx(folder, location);
  const open = (transfer = {}) =>
    openDataset(url, { memoryBytes: 0, cache: { directory: cache }, transfer: { ...quick, ...transfer } });
  return { folder, open, url, local: await openDataset(folder) };
}

test.skipIf(nginx === undefined).each([
  ["whole", {}],
  ["in parallel parts", { partBytes: 20_000, maxRequests: 4 }],
])("from nginx, shards fetched %s, the batches are those of the folder", async (_name, transfer) => {
  const { local, open } = await setUp();
  expect(await hashBatches(await open(transfer), shuffled)).toEqual(await hashBatches(local, shuffled));
});

test.skipIf(nginx === undefined)("from an nginx without ranges too", async () => {
  const { local, open } = await setUp("max_ranges 0;");
  expect(await hashBatches(await open({ partBytes: 20_000 }), shuffled)).toEqual(await hashBatches(local, shuffled));
});

test.skipIf(nginx === undefined)("from an nginx that is slow and closes every connection too", async () => {
  const { local, open } = await setUp("limit_rate 200k; keepalive_timeout 0;");
  expect(await hashBatches(await open({ partBytes: 30_000 }), shuffled)).toEqual(await hashBatches(local, shuffled));
});

test.skipIf(nginx === undefined)("errors for files that nginx lacks or may not read name their URL", async () => {
  const { folder, open, url } = await setUp("if ($uri ~ part-00001) { return 403; }");
  const path = join(folder, "train/part-00002.arrow");
  await rm(path);
  const dataset = await open();
  const missing = await errorOf(() => dataset.readImages([70]), "store/not-found");
  expect(missing.message).toContain(`${url}/train/part-00002.arrow`);
  const forbidden = await errorOf(() => dataset.readImages([40]), "store/forbidden");
  expect(forbidden.message).toContain(`${url}/train/part-00001.arrow`);
  await errorOf(() => openDataset(`${url}/train`, { transfer: quick }), "store/not-found");
});
