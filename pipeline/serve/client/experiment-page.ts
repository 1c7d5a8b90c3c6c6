import { formatCount } from "../../../core/format.ts";
import type { Manifest, SplitName } from "../../../shards/format/manifest.ts";
import type { SiteDescription } from "../site-description.ts";
import { CurveChart } from "./curve-chart.ts";
import { announce, make, makeButton } from "./dom.ts";
import {
  type CurvePoint,
  type ExperimentPlan,
  firstPlan,
  measuredSplit,
  type WorkerMessage,
  type WorkerTask,
  type WorldName,
} from "./experiment-plan.ts";
import { idsSection, resultTable } from "./experiment-results.ts";
import { formatDuration } from "./format.ts";
import { PlanForm } from "./plan-form.ts";
import { trustedScript } from "./trusted-script.ts";

const workerUrl = trustedScript("assets/experiment-worker.js");

/** A network trained in the browser in the real and in the ideal world, with both curves as they grow. */
export class ExperimentPage {
  readonly element: HTMLElement;
  readonly #measuredOn: SplitName;
  readonly #form: PlanForm;
  readonly #start = makeButton("Train both worlds", { class: "primary" }, () => this.#toggle());
  readonly #state = make("p", { class: "state" });
  readonly #figure = make("figure", {});
  readonly #results = make("div", { class: "results-of-run" });
  #worker: Worker | undefined;
  #points: CurvePoint[] = [];

  constructor(manifest: Manifest, site: SiteDescription) {
    const numRows = manifest.splits.train.rows;
    this.#measuredOn = measuredSplit(manifest.splits);
    this.#form = new PlanForm(numRows, this.#start);
    this.element = make(
      "div",
      { class: "page" },
      make("h1", {}, "Live experiment"),
      make(
        "p",
        { class: "lead" },
        "The same network, twice. The real world has a few images and sees them again and again; the ideal world never sees an image twice. As long as both curves run together, training more is as good as having more data (Nakkiran et al. 2021).",
      ),
      this.#form.element,
      this.#state,
      this.#figure,
      this.#results,
    );
    this.#figure.append(new CurveChart(firstPlan(numRows).numBatches, this.#measuredOn).element);
    const obstacle = obstacleOf(manifest, site);
    this.#start.disabled = obstacle !== undefined;
    this.#state.textContent = obstacle ?? `The set has ${formatCount(numRows)} train images.`;
  }

  #toggle(): void {
    if (this.#worker === undefined) this.#train(this.#form.read());
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
}

/** Why the experiment cannot be run, or undefined. */
function obstacleOf({ splits, classNames }: Manifest, { hasTensorFlow }: SiteDescription): string | undefined {
  if (!hasTensorFlow)
    return "TensorFlow.js is not installed beside the server. Run npm install @tensorflow/tfjs, and serve again.";
  if (splits.train.rows < 2 || classNames.length < 2)
    return "The set is too small: it must have two train images and two classes.";
  return undefined;
}
