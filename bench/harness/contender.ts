/** Processes that compete in a benchmark: each in its own, so that peak memory is its own, and asked in turns. */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

/** How fast a round of work was. The processor time hardly depends on what else the machine does. */
export interface Speed {
  readonly imagesPerSecond: number;
  /** Of all threads together, in milliseconds. */
  readonly cpuMsPerImage: number;
}

/** What a contender can be asked: a round of work, or its results on given inputs. */
export interface Contestant {
  /** Works for a while. */
  round(): Promise<Speed>;
  /** Results by which contenders are compared. */
  check(): Promise<Float32Array>;
}

/** The other end of a contender's pipe; one line of JSON asks, one answers. */
export class Contender implements Contestant {
  readonly name: string;
  readonly rounds: Speed[] = [];
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  #complaints = "";

  constructor(name: string, program: string, args: readonly string[]) {
    this.name = name;
    // Python's contenders share modules that lie beside this one's source.
    const env = { ...process.env, PYTHONPATH: fileURLToPath(new URL("../../../bench/harness/", import.meta.url)) };
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env });
    this.#child.stderr.on("data", (text: Buffer) => {
      this.#complaints += text.toString();
    });
    const lines: Interface = createInterface({ input: this.#child.stdout });
    this.#lines = lines[Symbol.asyncIterator]();
  }

  async round(): Promise<Speed> {
    const speed = await this.#ask<Speed>("round");
    this.rounds.push(speed);
    return speed;
  }

  async check(): Promise<Float32Array> {
    return Float32Array.from(await this.#ask<number[]>("check"));
  }

  /** Ends it. @returns peak resident memory, MB */
  async finish(): Promise<number> {
    const peakMb = await this.#ask<number>("finish");
    this.#child.stdin.end();
    await once(this.#child, "exit");
    return peakMb;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async #ask<Answer>(request: string): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const answer = await this.#lines.next();
    if (answer.done === true) throw new Error(`${this.name} ended: ${this.#complaints.slice(-2000)}`);
    return JSON.parse(answer.value) as Answer;
  }
}

/** Answers what the parent process asks until it asks to finish. */
export async function serveContestant(contestant: Contestant): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as string;
    const answer =
      request === "round"
        ? await contestant.round()
        : request === "check"
          ? Array.from(await contestant.check())
          : peakMemoryMb();
    await new Promise((resolve) => process.stdout.write(`${JSON.stringify(answer)}\n`, resolve));
    if (request === "finish") return;
  }
}

/** Times some work on a number of images. */
export async function measure(numImages: number, work: () => Promise<unknown>): Promise<Speed> {
  const startMs = performance.now();
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return {
    imagesPerSecond: (1000 * numImages) / (performance.now() - startMs),
    cpuMsPerImage: (user + system) / 1000 / numImages,
  };
}

/** The most memory this process ever had resident, MB. */
function peakMemoryMb(): number {
  if (process.platform !== "linux") return Math.round(process.resourceUsage().maxRSS / 1024);
  const [, kilobytes] = /VmHWM:\s*(\d+)/.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
