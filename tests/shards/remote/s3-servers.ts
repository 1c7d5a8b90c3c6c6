import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { S3Client } from "@aws-sdk/client-s3";
import S3rver from "s3rver";
import { onTestFinished } from "vitest";
import type { S3Options } from "../../../shards/index.ts";
import { makeTestFolder } from "../../support/make-rows.ts";

/** S3 servers to test against: s3rver, which knows only the basics, and moto, where Python has it, which knows checksums. */
export const s3Servers = ["s3rver", "moto"] as const;

const hasMoto = spawnSync("python3", ["-c", "import moto.server, flask"]).status === 0;

/** Whether a server can run here. */
export function hasS3Server(name: (typeof s3Servers)[number]): boolean {
  return name === "s3rver" || hasMoto;
}

const credentials = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };

/** Starts a server with a bucket `data` until the test ends. */
export async function startS3(name: (typeof s3Servers)[number]): Promise<{ s3: S3Options; client: S3Client }> {
  const endpoint = name === "s3rver" ? await startS3rver() : await startMoto();
  const s3 = { endpoint, region: "us-east-1", credentials };
  const client = new S3Client({ ...s3, forcePathStyle: true });
  onTestFinished(() => client.destroy());
  return { s3, client };
}

async function startS3rver(): Promise<string> {
  const directory = await makeTestFolder();
  const configureBuckets = [{ name: "data", configs: [] }];
  const server = new S3rver({ port: 0, address: "127.0.0.1", silent: true, directory, configureBuckets });
  const { port } = await server.run();
  onTestFinished(() => server.close());
  return `http://127.0.0.1:${port}`;
}

async function startMoto(): Promise<string> {
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  const child = spawn("python3", ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  onTestFinished(async () => {
    const closed = new Promise((resolve) => child.on("close", resolve));
    child.kill("SIGTERM");
    await closed;
  });
  const endpoint = `http://127.0.0.1:${port}`;
  while ((await fetch(`${endpoint}/moto-api/`).catch(() => undefined)) === undefined) await sleep(50);
  await fetch(`${endpoint}/data`, { method: "PUT" });
  return endpoint;
}
