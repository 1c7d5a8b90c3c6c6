import { formatCount } from "../../../core/format.ts";
import type { Manifest, SplitName } from "../../../shards/format/manifest.ts";
import type { SiteDescription } from "../site-description.ts";
import { CurveChart } from "./curve-chart.ts";
import { announce, make, makeButton } from "./dom.ts";
import {
  type CurvePoint,
  clampPlan,
  type ExperimentPlan,
  firstPlan,
  measuredSplit,
  networkNames,
  type WorkerMessage,
  type WorkerTask,
  type WorldName,
} from "./experiment-plan.ts";
import { idsSection, resultTable } from "./experiment-results.ts";
import { formatDuration } from "./format.ts";
import { trustedScript } from "./trusted-script.ts";

const networkTexts = { mlp: "MLP, 107,000 weights", cnn: "CNN, 34,000 weights" } as const;

const workerUrl = trustedScript("assets/experiment-worker.js");

/** A network trained in the browser in the real and in the ideal world, with both curves as they grow. */
export class ExperimentPage {
  readonly element: HTMLElement;
  readonly #numRows: number;
  readonly #measuredOn: SplitName;
  readonly #inputs: Readonly<
    Record<"numSamples" | "batchSize" | "numBatches" | "learningRate" | "seed", HTMLInputElement>
  >;
  readonly #network = make(
    "select",
    {},
    ...networkNames.map((name) => make("option", { value: name }, networkTexts[name])),
  );
  readonly #start = makeButton("Train both worlds", { class: "primary" }, () => this.#toggle());
  readonly #state = make("p", { class: "state" });
  readonly #figure = make("figure", {});
  readonly #results = make("div", { class: "results-of-run" });
  #worker: Worker | undefined;
  #points: CurvePoint[] = [];

  constructor(manifest: Manifest, site: SiteDescription) {
    this.#numRows = manifest.splits.train.rows;
    this.#measuredOn = measuredSplit(manifest.splits);
    const plan = firstPlan(this.#numRows);
    const number = (value: number, step: string) => make("input", { type: "number", value, min: 0, step });
    this.#inputs = {
      numSamples: number(plan.numSamples, "1"),
      batchSize: number(plan.batchSize, "1"),
      numBatches: number(plan.numBatches, "1"),
      learningRate: number(plan.learningRate, "any"),
      seed: number(plan.seed, "1"),
    };
    const field = (text: string, control: HTMLElement) => make("label", {}, make("span", {}, text), control);
    this.element = make(
      "div",
      { class: "page" },
      make("h1", {}, "Live experiment"),
      make(
        "p",
        { class: "lead" },
        "The same network, twice. The real world has a few images and sees them again and again; the ideal world never sees an image twice. As long as both curves run together, training more is as good as having more data (Nakkiran et al. 2021).",
      ),
      make(
        "form",
        { class: "plan" },
        field("Images of the real world", this.#inputs.numSamples),
        field("Batches", this.#inputs.numBatches),
        field("Images a batch", this.#inputs.batchSize),
        field("Learning rate", this.#inputs.learningRate),
        field("Seed", this.#inputs.seed),
        field("Network", this.#network),
        this.#start,
      ),
      this.#state,
      this.#figure,
      this.#results,
    );
    this.element.querySelector("form")!.addEventListener("submit", (event) => event.preventDefault());
    this.#figure.append(new CurveChart(plan.numBatches, this.#measuredOn).element);
    const obstacle = obstacleOf(manifest, site);
    this.#start.disabled = obstacle !== undefined;
    this.#state.textContent = obstacle ?? `The set has ${formatCount(this.#numRows)} train images.`;
  }

  #toggle(): void {
    if (this.#worker === undefined) this.#train(this.#readPlan());
    else this.#end("Stopped.");
  }

  #train(plan: ExperimentPlan): void {
    const chart = new CurveChart(plan.numBatches, this.#measuredOn);
    const startedMs = performance.now();
    this.#points = [];
    this.#figure.replaceChildren(chart.element);
    this.#results.replaceChildren();
    this.#start.textContent = "Stop";
    this.#say("Loading TensorFlow.js and images …");
    const worker = new Worker(workerUrl());
    this.#worker = worker;
    worker.addEventListener("error", ({ message }) => this.#end(`Failed: ${message}`));
    worker.addEventListener("message", ({ data }: MessageEvent<WorkerMessage>) => {
      if (data.kind === "ready")
        this.#say(
          `Training with the ${data.backend} backend, measured on ${data.numMeasured} ${this.#measuredOn} images`,
        );
      else if (data.kind === "failed") this.#end(`Failed: ${data.message}`);
      else if (data.kind === "point") {
        this.#points.push(data.point);
        chart.show(this.#points);
        if (data.point.world === "ideal") this.#showProgress(plan, startedMs);
      } else {
        this.#end(`Done in ${formatDuration((performance.now() - startedMs) / 1000)}. ${this.#gapText()}`);
        this.#results.append(idsSection(plan, data.ids));
      }
    });
    const task: WorkerTask = { location: new URL("dataset", location.href).href, plan, measuredOn: this.#measuredOn };
    worker.postMessage(task);
  }

  #showProgress({ numBatches }: ExperimentPlan, startedMs: number): void {
    const done = this.#points.at(-1)!.numBatches;
    const seconds = (performance.now() - startedMs) / 1000;
    const left = done === 0 ? "" : `, ${formatDuration((seconds / done) * (numBatches - done))} left`;
    this.#state.textContent = `${formatCount(done)} of ${formatCount(numBatches)} batches${done < numBatches ? left : ""}. ${this.#gapText()}`;
    this.#results.replaceChildren(resultTable(this.#points));
  }

  #gapText(): string {
    const last = (world: WorldName) => this.#points.findLast((point) => point.world === world)?.softError;
    const [real, ideal] = [last("real"), last("ideal")];
    if (real === undefined || ideal === undefined) return "";
    return `${this.#measuredOn === "test" ? "Test" : "Train"} soft error ${real.toFixed(3)} in the real world, ${ideal.toFixed(3)} in the ideal world: a gap of ${(real - ideal).toFixed(3)}.`;
  }

  #end(text: string): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#start.textContent = "Train both worlds";
    this.#say(text);
  }

  #say(text: string): void {
    this.#state.textContent = text;
    announce(text);
  }

  /** The plan of the form, which then shows what is possible. */
  #readPlan(): ExperimentPlan {
    const given = Object.fromEntries(Object.entries(this.#inputs).map(([key, input]) => [key, input.valueAsNumber]));
    const network = networkNames.find((name) => name === this.#network.value)!;
    const plan = clampPlan({ ...firstPlan(this.#numRows), ...given, network }, this.#numRows);
    for (const [key, input] of Object.entries(this.#inputs)) input.value = String(plan[key as keyof ExperimentPlan]);
    return plan;
  }
}

/** Why the experiment cannot be run, or undefined. */
function obstacleOf({ splits, classNames }: Manifest, { hasTensorFlow }: SiteDescription): string | undefined {
  if (!hasTensorFlow)
    return "TensorFlow.js is not installed beside the server. Run npm install @tensorflow/tfjs, and serve again.";
  if (splits.train.rows < 2 || classNames.length < 2)
    return "The set is too small: it must have two train images and two classes.";
  return undefined;
}
