import { messageOf } from "../../../core/errors.ts";
import { formatCount, formatPercent } from "../../../core/format.ts";
import { cifar10ClassNames } from "../../../core/image-layout.ts";
import type { BuildState, NewImage } from "../build-state.ts";
import type { SiteDescription } from "../site-description.ts";
import { announce, make, makeSvg } from "./dom.ts";
import { drawFetched, makeCanvas } from "./draw-image.ts";
import { fetchJson } from "./fetch-json.ts";
import { countOf, formatDuration } from "./format.ts";

/** Time between two looks at the run. */
const refreshMs = 2000;

const stageTexts = {
  sample: "Sample",
  label: "Label",
  fingerprint: "Fingerprint",
  dedup: "Find copies",
  publish: "Publish",
} as const;

/** What a build has done, refreshed by itself. */
export class BuildPage {
  readonly element: HTMLElement;
  readonly #site: SiteDescription;
  readonly #lead = make("p", { class: "lead" });
  readonly #stages = make("div", { class: "stages" });
  readonly #images = make("div", { class: "newest" });
  /** Figures of images by id, so that those that stay are not fetched again. */
  readonly #figures = new Map<string, HTMLElement>();
  #wasFinished: boolean | undefined;

  constructor(site: SiteDescription) {
    this.#site = site;
    this.element = make(
      "div",
      { class: "page" },
      make("h1", {}, "Build"),
      this.#lead,
      this.#stages,
      make("h2", {}, "Newest images"),
      this.#images,
    );
  }

  start(): void {
    const next = () => {
      this.#refresh()
        .catch((thrown: unknown) => {
          this.#lead.textContent = messageOf(thrown);
        })
        // A finished build still may grow, but nobody waits for that.
        .finally(() => window.setTimeout(next, this.#wasFinished === true ? 10 * refreshMs : refreshMs));
    };
    next();
  }

  async #refresh(): Promise<void> {
    // Pages that nobody sees ask nothing.
    if (document.hidden) return;
    const state = await fetchJson<BuildState>("build.json");
    if (state === undefined) throw new Error("this server has no run");
    this.#stages.replaceChildren(...state.stages.map(stageBar));
    this.#lead.replaceChildren(...this.#describe(state));
    if (this.#wasFinished === false && state.isFinished) announce("The set is published");
    this.#wasFinished = state.isFinished;
    this.#showImages(state.newest);
  }

  #describe({ isFinished, stages, tasks }: BuildState): (Node | string)[] {
    const waiting = Object.entries(tasks ?? {}).map(([name, count]) => `${count} ${name}`);
    const ofTasks = waiting.length === 0 ? "" : ` Tasks: ${waiting.join(", ")}.`;
    if (isFinished) {
      const browse = make("a", { href: "browse" }, "browse its images");
      return this.#site.hasDataset
        ? ["The set is published: ", browse, ".", ofTasks]
        : ["The set is published: ", make("a", { href: "./" }, "open it"), ".", ofTasks];
    }
    const left = stages.reduce(
      (sum, { imagesLeft, imagesPerSecond }) =>
        sum + (imagesPerSecond === undefined ? 0 : imagesLeft / imagesPerSecond),
      0,
    );
    return [
      left > 0
        ? `Under way, about ${formatDuration(left)} left at this rate.${ofTasks}`
        : `Not finished yet.${ofTasks}`,
    ];
  }

  #showImages(newest: readonly NewImage[]): void {
    const keys = new Set<string>();
    const figures = newest.map((image) => {
      const key = `${image.id} ${image.label}`;
      keys.add(key);
      const figure = this.#figures.get(key) ?? imageFigure(image);
      this.#figures.set(key, figure);
      return figure;
    });
    for (const key of this.#figures.keys()) if (!keys.has(key)) this.#figures.delete(key);
    this.#images.replaceChildren(
      ...(figures.length > 0 ? figures : [make("p", { class: "notice" }, "No unit is sampled yet.")]),
    );
  }
}

function stageBar({ name, numDone, numUnits, imagesPerSecond }: BuildState["stages"][number]): Node {
  const share = numUnits === 0 ? 1 : numDone / numUnits;
  const bar = makeSvg(
    "svg",
    {
      viewBox: "0 0 100 8",
      preserveAspectRatio: "none",
      role: "progressbar",
      "aria-label": stageTexts[name],
      "aria-valuemin": 0,
      "aria-valuemax": numUnits,
      "aria-valuenow": numDone,
    },
    makeSvg("rect", { class: "track", width: 100, height: 8 }),
    makeSvg("rect", { class: "set-a", width: 100 * share, height: 8 }),
  );
  const rate = imagesPerSecond === undefined ? "" : `${formatCount(Math.round(imagesPerSecond))} images/s`;
  return make(
    "div",
    { class: "stage" },
    make("strong", {}, stageTexts[name]),
    bar,
    make("span", {}, `${formatCount(numDone)} of ${countOf(numUnits, "unit")}, ${formatPercent(share)}`),
    make("span", { class: "rate" }, rate),
  );
}

function imageFigure({ id, label, confidence }: NewImage): HTMLElement {
  const canvas = makeCanvas(`image ${id}`);
  void drawFetched(canvas, `samples/${id}`);
  const text = label === undefined ? "not labeled yet" : `${cifar10ClassNames[label]} ${confidence!.toFixed(2)}`;
  return make("figure", {}, canvas, make("figcaption", {}, make("strong", {}, String(id)), make("span", {}, text)));
}
