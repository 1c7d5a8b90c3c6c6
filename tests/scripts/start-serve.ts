import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, inject, onTestFinished } from "vitest";
import type { Manifest } from "../../shards/index.ts";
import { makeDataset } from "../support/make-rows.ts";

/** A `cifar5m serve` under way. */
export interface Served {
  /** Without a slash at the end. */
  readonly origin: string;
  readonly port: number;
  /** What it has printed to stderr so far. */
  readonly errors: () => string;
  /** Sends a signal and waits for the end. */
  stop(
    signal?: "SIGINT" | "SIGTERM" | "SIGKILL",
  ): Promise<{ readonly exitCode: number | null; readonly stderr: string }>;
}

/** Starts `cifar5m serve` on a free port; it ends with the test at the latest. */
export async function startServe(folder: string, args: readonly string[] = []): Promise<Served> {
  const served = await spawnServe(folder, args);
  onTestFinished(async () => void (await served.stop("SIGKILL")));
  return served;
}

/** A small data set and its server for all tests of a file, which change nothing of it. */
export function serveForAllTests(): () => Served & { readonly folder: string; readonly manifest: Manifest } {
  let shared: ReturnType<ReturnType<typeof serveForAllTests>>;
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "cifar5m-serve-"));
    const manifest = await makeDataset(folder, { train: 25, test: 7, rowsPerShard: 10 });
    shared = { ...(await spawnServe(folder)), folder, manifest };
  });
  afterAll(async () => {
    await shared.stop("SIGKILL");
    await rm(shared.folder, { recursive: true, force: true });
  });
  return () => shared;
}

/** Serves a run whose models are stand-ins; it ends with the test at the latest. */
export async function startStandInServe(folder: string, delayMs = 0): Promise<Served> {
  const script = join(inject("compiledFolder"), "tests", "support", "serve-stand-in.js");
  const served = await spawnServer(script, [folder, String(delayMs)]);
  onTestFinished(async () => void (await served.stop("SIGKILL")));
  return served;
}

function spawnServe(folder: string, args: readonly string[] = []): Promise<Served> {
  const script = join(inject("compiledFolder"), "scripts", "cifar5m.js");
  return spawnServer(script, ["serve", folder, "--port", "0", ...args]);
}

/** Starts a program that prints its address. */
async function spawnServer(script: string, args: readonly string[]): Promise<Served> {
  const child = spawn(process.execPath, [script, ...args]);
  const closed = once(child, "close");
  let stderr = "";
  child.stderr.on("data", (text) => {
    stderr += String(text);
  });
  let stdout = "";
  for await (const text of child.stdout) {
    stdout += String(text);
    if (stdout.includes("\n")) break;
  }
  const origin = /(http:\/\/\S+)\/\n/.exec(stdout)?.[1];
  if (origin === undefined) throw new Error(`no address in ${JSON.stringify(stdout)}, ${stderr}`);
  return {
    origin,
    port: Number(new URL(origin).port),
    errors: () => stderr,
    stop: async (signal = "SIGTERM") => {
      child.kill(signal);
      const [exitCode] = await closed;
      return { exitCode, stderr };
    },
  };
}

/** Sends bytes as they are, and returns all that comes back until the server hangs up. */
export function exchange(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(request, "latin1"));
    let answer = "";
    socket.setEncoding("latin1");
    socket.on("data", (text) => {
      answer += text;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
}
