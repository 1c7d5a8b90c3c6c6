import { formatCount } from "../../core/format.ts";
import type { Step } from "../../pipeline/run/step.ts";
import { describeCounter } from "./describe-counter.ts";
import { formatDuration } from "./format.ts";

/** What a reporter shows of a step. */
export type ShownStep = Pick<Step, "name" | "total" | "counter" | "isQuiet">;

/** How far a step is: its counters, its values, and what follows from them. */
export class StepProgress {
  readonly step: ShownStep;
  #total: number;
  readonly #startedMs: number;
  readonly #clock: () => number;
  readonly #counters = new Map<string, number>();
  readonly #values = new Map<string, number>();

  /** @param clock - milliseconds since some time */
  constructor(step: ShownStep, clock: () => number) {
    this.step = step;
    this.#total = step.total;
    this.#clock = clock;
    this.#startedMs = clock();
  }

  count(name: string, by: number): void {
    this.#counters.set(name, this.#counter(name) + by);
  }

  show(name: string, value: number): void {
    this.#values.set(name, value);
  }

  expectTotal(total: number): void {
    this.#total = total;
  }

  /** Images that are done when the step ends. */
  get total(): number {
    return this.#total;
  }

  /** Images that are done, in this call or an earlier one. */
  get done(): number {
    return this.#counter(`${this.#name}/images`) + this.#counter(`${this.#name}/kept`);
  }

  /** `1,234`: images a second, without those that were done before. */
  get speed(): string {
    const rate = this.#rate;
    return rate >= 100 ? formatCount(Math.round(rate)) : rate.toFixed(1);
  }

  /** Time left at the present speed, milliseconds; undefined where nothing was done yet. */
  get leftMs(): number | undefined {
    const rate = this.#rate;
    return rate === 0 ? undefined : ((this.#total - this.done) / rate) * 1000;
  }

  /** `, loss 0.31`: values that go up and down. */
  get shown(): string {
    return [...this.#values].map(([name, value]) => `, ${name} ${round(value)}`).join("");
  }

  /** All of it in one line, for the end of the step. */
  get summary(): string {
    const name = this.#name;
    const [kept, done] = [this.#counter(`${name}/kept`), this.#counter(`${name}/images`)];
    const others = [...this.#counters].filter(([counter, value]) => value !== 0 && !/\/(images|kept)$/.test(counter));
    const parts = [
      done > 0 ? `${formatCount(done)} images, ${this.speed}/s` : "",
      kept > 0 ? `${formatCount(kept)} images done before` : "",
      ...others.map(([counter, value]) => describeCounter(counter, value)),
      ...[...this.#values].map(([counter, value]) => `${counter} ${round(value)}`),
      formatDuration(this.#clock() - this.#startedMs),
    ];
    return parts.filter((part) => part !== "").join(", ");
  }

  /** What the counters of the step begin with. */
  get #name(): string {
    return this.step.counter ?? this.step.name;
  }

  get #rate(): number {
    const seconds = (this.#clock() - this.#startedMs) / 1000;
    return this.#counter(`${this.#name}/images`) / Math.max(seconds, 1e-3);
  }

  #counter(name: string): number {
    return this.#counters.get(name) ?? 0;
  }
}

function round(value: number): string {
  return Number(value.toPrecision(4)).toString();
}
