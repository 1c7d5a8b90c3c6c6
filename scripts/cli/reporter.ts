import { SingleBar } from "cli-progress";
import { plainText } from "../../core/plain-text.ts";
import type { Step } from "../../pipeline/run/step.ts";
import { formatDuration } from "./format.ts";

/** Where and how much a reporter writes. */
export interface ReporterOptions {
  readonly stream: NodeJS.WriteStream;
  readonly verbosity: "quiet" | "normal" | "verbose";
}

/** Milliseconds between plain progress lines. */
const plainIntervalMs = 10_000;

/**
 * Shows how far a command is: bars with rate and time left on a terminal, plain lines elsewhere. Progress goes to
 * stderr, so that stdout holds results only.
 */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #values = new Map<string, number>();
  #counters = new Map<string, number>();
  #bar: SingleBar | undefined;
  #step: Step | undefined;
  #startedMs = 0;
  #printedMs = 0;
  #isInterrupted = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  begin(step: Step): void {
    this.#step = step;
    this.#counters = new Map();
    this.#values.clear();
    this.#startedMs = performance.now();
    this.#printedMs = this.#startedMs;
    const { stream, verbosity } = this.#options;
    if (verbosity === "quiet" || !stream.isTTY || step.total === 0 || this.#isInterrupted) return;
    this.#bar = new SingleBar({
      stream,
      gracefulExit: false,
      hideCursor: true,
      clearOnComplete: true,
      format: "{step} {bar} {percentage}% {value}/{total} {speed}/s {left}{shown}",
      barsize: 28,
      barCompleteChar: "█",
      barIncompleteChar: "░",
    });
    this.#bar.start(step.total, 0, { step: plainText(step.name, 100).padEnd(16), speed: "-", left: "", shown: "" });
  }

  count(name: string, by: number): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + by);
    this.#update();
  }

  show(name: string, value: number): void {
    this.#values.set(name, value);
    this.#update();
  }

  end(): void {
    const step = this.#step;
    if (step === undefined) return;
    this.#stopBar();
    if (this.#options.verbosity === "quiet") return;
    const kept = this.#counter(`${step.name}/kept`);
    const done = this.#counter(`${step.name}/images`);
    const others = [...this.#counters].filter(([name, value]) => value !== 0 && !/\/(images|kept)$/.test(name));
    const parts = [
      done > 0 ? `${done.toLocaleString("en")} images, ${this.#speed()}/s` : "",
      kept > 0 ? `${kept.toLocaleString("en")} images done before` : "",
      ...others.map(([name, value]) => `${name} ${value.toLocaleString("en")}`),
      ...[...this.#values].map(([name, value]) => `${name} ${round(value)}`),
      formatDuration(performance.now() - this.#startedMs),
    ];
    this.line(`${step.name.padEnd(16)} ${parts.filter((part) => part !== "").join(", ")}`);
    this.#step = undefined;
  }

  /** Takes the bar away, so that an error or a result can be printed. */
  stop(): void {
    this.#stopBar();
    this.#step = undefined;
  }

  /** Says that the command is about to end. No bar is drawn from now on, for the process may end at any time. */
  interrupt(text: string): void {
    this.#isInterrupted = true;
    const hadBar = this.#bar !== undefined;
    this.#stopBar();
    const { stream } = this.#options;
    // The terminal has written ^C: over the bar, which is cleared, or into a line of its own.
    stream.write(`${stream.isTTY && !hadBar ? "\n" : ""}${text}\n`);
  }

  /** A line of progress. */
  line(text: string): void {
    if (this.#options.verbosity !== "quiet") this.#options.stream.write(`${plainText(text)}\n`);
  }

  #update(): void {
    const step = this.#step;
    if (step === undefined || step.total === 0) return;
    const done = this.#counter(`${step.name}/images`) + this.#counter(`${step.name}/kept`);
    const shown = [...this.#values].map(([name, value]) => `, ${name} ${round(value)}`).join("");
    this.#bar?.update(Math.min(done, step.total), { speed: this.#speed(), left: this.#left(done, step.total), shown });
    const nowMs = performance.now();
    if (this.#bar !== undefined || nowMs - this.#printedMs < plainIntervalMs) return;
    this.#printedMs = nowMs;
    const rate = `${this.#speed()}/s, ${this.#left(done, step.total)}`;
    this.line(`${step.name.padEnd(16)} ${done} of ${step.total}, ${rate}${shown}`);
  }

  /** Images a second, without those that were done before. */
  #rate(): number {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    return this.#counter(`${this.#step?.name}/images`) / Math.max(seconds, 1e-3);
  }

  #speed(): string {
    const rate = this.#rate();
    return rate >= 100 ? Math.round(rate).toLocaleString("en") : rate.toFixed(1);
  }

  #left(done: number, total: number): string {
    const rate = this.#rate();
    return rate === 0 ? "" : `${formatDuration(((total - done) / rate) * 1000)} left`;
  }

  #counter(name: string): number {
    return this.#counters.get(name) ?? 0;
  }

  #stopBar(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

function round(value: number): string {
  return Number(value.toPrecision(4)).toString();
}
