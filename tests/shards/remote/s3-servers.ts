import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { S3Client } from "@aws-sdk/client-s3";
import S3rver from "s3rver";
import { onTestFinished, vi } from "vitest";
import type { S3Options } from "../../../shards/index.ts";
import { makeTestFolder } from "../../support/make-rows.ts";

/**
 * S3 servers to test against: s3rver, which knows only the basics and ignores conditions; moto, where Python has it; and
 * versitygw, where `.ci/run` could compile it, which checks what it receives. The last two keep conditions.
 */
export const s3Servers = ["s3rver", "moto", "versitygw"] as const;
export type S3Server = (typeof s3Servers)[number];

const hasMoto = spawnSync("python3", ["-c", "import moto.server, flask"]).status === 0;
const compiled = fileURLToPath(new URL("../../../.cache/bin/versitygw", import.meta.url));
const versitygw = existsSync(compiled) ? compiled : "versitygw";
const hasVersitygw = spawnSync(versitygw, ["--version"]).status === 0;

/** Whether a server can run here. */
export function hasS3Server(name: S3Server): boolean {
  return { s3rver: true, moto: hasMoto, versitygw: hasVersitygw }[name];
}

const credentials = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };

/** Starts a server with a bucket `data` until the test ends. */
export async function startS3(
  name: S3Server,
): Promise<{ s3: Required<Pick<S3Options, "endpoint">> & S3Options; client: S3Client }> {
  const endpoint = await { s3rver: startS3rver, moto: startMoto, versitygw: startVersitygw }[name]();
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
  const port = await findPort();
  const endpoint = await startProgram("python3", ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], port);
  await fetch(`${endpoint}/data`, { method: "PUT" });
  return endpoint;
}

async function startVersitygw(): Promise<string> {
  const [port, folder] = [await findPort(), await makeTestFolder()];
  // A bucket is a folder with the owner's name in its attributes, which the server gives to those that lack it.
  await mkdir(join(folder, "data"));
  return await startProgram(versitygw, ["--port", `127.0.0.1:${port}`, "--quiet", "posix", folder], port);
}

async function findPort(): Promise<number> {
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  return port;
}

/** @returns the endpoint, when it answers */
async function startProgram(program: string, args: readonly string[], port: number): Promise<string> {
  const env = {
    ...process.env,
    ...{ ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey },
  };
  const child = spawn(program, args, { stdio: "ignore", env });
  onTestFinished(async () => {
    const closed = new Promise((resolve) => child.on("close", resolve));
    child.kill("SIGTERM");
    await closed;
  });
  const endpoint = `http://127.0.0.1:${port}`;
  while ((await fetch(endpoint).catch(() => undefined)) === undefined) await sleep(50);
  return endpoint;
}

/** Lets the code of this test, and the processes that it starts, find a server by the environment, until it ends. */
export function useS3({ endpoint }: Pick<S3Options, "endpoint">): void {
  vi.stubEnv("AWS_ENDPOINT_URL_S3", endpoint);
  vi.stubEnv("AWS_REGION", "us-east-1");
  vi.stubEnv("AWS_ACCESS_KEY_ID", credentials.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", credentials.secretAccessKey);
}
