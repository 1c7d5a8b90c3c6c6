import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startDatasetServer } from "../../pipeline/serve/start-server.ts";
import { makeDataset, makeTestFolder } from "../support/make-rows.ts";
import { runCli } from "../support/run-cli.ts";
import { runInProcess } from "../support/run-in-process.ts";
import { startServe } from "./start-serve.ts";

async function makeBareDataset(train = 10): Promise<string> {
  const folder = await makeTestFolder();
  await makeDataset(folder, { train, test: 2, rowsPerShard: train });
  return folder;
}

test("a run folder and a bare data set folder are served alike, on this machine only", async () => {
  const root = await makeTestFolder();
  await mkdir(join(root, "dataset"));
  await makeDataset(join(root, "dataset"), { train: 10, test: 2, rowsPerShard: 10 });
  for (const folder of [root, join(root, "dataset")]) {
    const { origin, errors } = await startServe(folder);
    expect(origin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(errors()).toBe("");
    expect(await (await fetch(`${origin}/dataset/manifest.json`)).json()).toMatchObject({ name: "test set" });
  }
});

test.for(["SIGINT", "SIGTERM"] as const)("%s ends it with 130, also in the middle of a download", async (signal) => {
  const served = await startServe(await makeBareDataset(3000));
  await fetch(`${served.origin}/dataset/manifest.json`).then((response) => response.text());
  const socket = connect(served.port, "127.0.0.1");
  socket.write("GET /dataset/train/part-00000.arrow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  // What came is not read on, so the answer cannot end by itself.
  await once(socket, "readable");
  const { exitCode, stderr } = await served.stop(signal);
  socket.destroy();
  expect(exitCode).toBe(130);
  expect(stderr).toContain("interrupted: the data set is no longer served.");
});

test("a client that goes away in the middle of a download is not an error", async () => {
  const served = await startServe(await makeBareDataset(3000));
  const socket = connect(served.port, "127.0.0.1");
  socket.write("GET /dataset/train/part-00000.arrow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await once(socket, "readable");
  socket.destroy();
  expect((await fetch(`${served.origin}/dataset/manifest.json`)).status).toBe(200);
  const { stderr } = await served.stop();
  expect(stderr).not.toMatch(/unexpected|disk/);
});

test("a port that is taken is named, with what to do", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void other.close());
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const { exitCode, stderr, stdout } = await runCli(["serve", await makeBareDataset(), "--port", String(port)]);
  expect(stderr).toMatch(
    new RegExp(`^usage/port-taken: port ${port} of 127\\.0\\.0\\.1 .* Choose another --port.*\\n$`),
  );
  expect(exitCode).toBe(1);
  expect(stdout).toBe("");
});

test("another address than this machine's own comes with a warning", async () => {
  const { origin, errors } = await startServe(await makeBareDataset(), ["--host", "0.0.0.0"]);
  expect(errors()).toMatch(/^warning: every machine .*\n$/);
  expect((await fetch(`${origin}/dataset/manifest.json`)).status).toBe(200);
});

test("wrong options are one line and exit code 2, a folder without a data set is one and 1", async () => {
  const folder = await makeBareDataset();
  for (const port of ["many", "70000", "-1", "1.5"]) {
    const { exitCode, stderr } = await runInProcess(["serve", folder, `--port=${port}`]);
    expect(stderr).toMatch(/^usage\/out-of-range: --port must be an integer, at least 0 and at most 65535, got .*\n$/);
    expect(exitCode).toBe(2);
  }
  const unknown = await runInProcess(["serve", folder, "--host", "192.0.2.1", "--port", "0"]);
  expect(unknown.stderr).toMatch(
    /^usage\/unknown-host: --host must be an address of this machine, got 192\.0\.2\.1\..*\n$/,
  );
  expect(unknown.exitCode).toBe(2);
  expect((await runInProcess(["serve"])).stderr).toMatch(/^usage\/wrong: .*run.*\n$/);
  const empty = await runInProcess(["serve", await makeTestFolder()]);
  expect(empty.stderr).toMatch(/^manifest\/missing: .*\n$/);
  expect(empty.exitCode).toBe(1);
});

test("a server is not started on all addresses for want of a name", async () => {
  const options = { folder: await makeBareDataset(), port: 0, report: () => undefined };
  await expect(startDatasetServer({ ...options, host: "" })).rejects.toMatchObject({ code: "usage/unknown-host" });
});
