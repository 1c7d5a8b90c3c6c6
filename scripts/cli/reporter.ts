import { SingleBar } from "cli-progress";
import { plainText } from "../../core/plain-text.ts";
import { formatDuration } from "./format.ts";
import { type ShownStep, StepProgress } from "./step-progress.ts";

/** Where and how much a reporter writes. */
export interface ReporterOptions {
  readonly stream: NodeJS.WriteStream;
  readonly verbosity: "quiet" | "normal" | "verbose";
  /** Stands before every line: which of several workers writes it. */
  readonly worker?: string;
  /** Milliseconds since some time; for tests. */
  readonly clock?: () => number;
}

/** Milliseconds between plain progress lines. */
const plainIntervalMs = 10_000;
const nameWidth = 16;

/**
 * Shows how far a command is: bars with rate and time left on a terminal, plain lines elsewhere. Progress goes to
 * stderr, so that stdout holds results only.
 */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #clock: () => number;
  /** Time that steps are expected to take, milliseconds, in their order. */
  #expectedMs: ReadonlyMap<string, number> = new Map();
  #bar: SingleBar | undefined;
  #progress: StepProgress | undefined;
  #printedMs = 0;
  #isInterrupted = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
  }

  /** Tells how long later steps will take, milliseconds by name, so that time left can be told for all of them. */
  expect(milliseconds: Readonly<Partial<Record<string, number>>>): void {
    this.#expectedMs = new Map(Object.entries(milliseconds).map(([name, expected]) => [name, expected ?? 0]));
  }

  begin(step: ShownStep): void {
    this.#progress = new StepProgress(step, this.#clock);
    this.#printedMs = this.#clock();
    const { stream, verbosity } = this.#options;
    if (verbosity === "quiet" || !stream.isTTY || step.total === 0 || this.#isInterrupted) return;
    this.#bar = new SingleBar({
      stream,
      gracefulExit: false,
      hideCursor: true,
      clearOnComplete: true,
      format: "{step} {bar} {percentage}% {value}/{total}{rest}",
      barsize: this.#columns < 100 ? 8 : 24,
      barCompleteChar: "█",
      barIncompleteChar: "░",
    });
    this.#bar.start(step.total, 0, { step: plainText(step.name, 100).padEnd(nameWidth), rest: "" });
  }

  /** Corrects the total of the present step. */
  expectImages(total: number): void {
    this.#progress?.expectTotal(total);
    if (this.#progress !== undefined && this.#progress.total > 0) this.#bar?.setTotal(total);
  }

  count(name: string, by: number): void {
    this.#progress?.count(name, by);
    this.#update();
  }

  show(name: string, value: number): void {
    this.#progress?.show(name, value);
    this.#update();
  }

  end(): void {
    const progress = this.#progress;
    if (progress === undefined) return;
    this.#stopBar();
    if (progress.step.isQuiet !== true) this.line(`${progress.step.name.padEnd(nameWidth)} ${progress.summary}`);
    this.#progress = undefined;
  }

  /** Takes the bar away, so that an error or a result can be printed. */
  stop(): void {
    this.#stopBar();
    this.#progress = undefined;
  }

  /** Says that the command is about to end. No bar is drawn from now on, for the process may end at any time. */
  interrupt(text: string): void {
    this.#isInterrupted = true;
    const hadBar = this.#bar !== undefined;
    this.#stopBar();
    const { stream } = this.#options;
    // The terminal has echoed ^C: over the bar, which was cleared, or on a line of its own.
    stream.write(`${stream.isTTY && !hadBar ? "\n" : ""}${text}\n`);
  }

  /** A line of progress. */
  line(text: string): void {
    const { verbosity, stream, worker } = this.#options;
    const overBar = this.#bar === undefined ? "" : "\r\u001b[K";
    if (verbosity !== "quiet")
      stream.write(`${overBar}${worker === undefined ? "" : `${worker}  `}${plainText(text)}\n`);
  }

  #update(): void {
    const progress = this.#progress;
    if (progress === undefined || progress.total === 0) return;
    const { step, total, done, speed, shown } = progress;
    const rate = `${speed}/s${this.#left(progress)}`;
    if (this.#bar !== undefined) {
      this.#bar.update(Math.min(done, total), { rest: ` ${rate}${shown}` });
      return;
    }
    const nowMs = this.#clock();
    if (nowMs - this.#printedMs < plainIntervalMs) return;
    this.#printedMs = nowMs;
    this.line(`${step.name.padEnd(nameWidth)} ${done} of ${total}, ${rate}${shown}`);
  }

  /** `, 12 min 5 s left`, and `, about 3 h 2 min in all` where later steps are expected to take long. */
  #left({ step, leftMs }: StepProgress): string {
    if (leftMs === undefined) return "";
    const own = `, ${formatDuration(leftMs)} left`;
    const names = [...this.#expectedMs.keys()];
    const later = names.slice(names.indexOf(step.name) + 1);
    if (!this.#expectedMs.has(step.name) || later.length === 0) return own;
    const laterMs = later.reduce((sum, name) => sum + (this.#expectedMs.get(name) ?? 0), 0);
    const all = `about ${formatDuration(leftMs + laterMs)} in all`;
    return this.#columns < 100 ? `, ${all}` : `${own}, ${all}`;
  }

  get #columns(): number {
    return this.#options.stream.isTTY ? this.#options.stream.columns : 200;
  }

  #stopBar(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}
