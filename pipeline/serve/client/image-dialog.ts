import { messageOf } from "../../../core/errors.ts";
import { formatCount, formatPercent } from "../../../core/format.ts";
import { flagNames } from "../../../shards/format/flags.ts";
import { askedClass } from "../row-columns.ts";
import type { SiteDescription } from "../site-description.ts";
import { makeAgainButton } from "./again-button.ts";
import { SetChangedError } from "./ask.ts";
import { make, makeButton, makeSvg } from "./dom.ts";
import { drawImage, makeCanvas } from "./draw-image.ts";
import { fetchJson } from "./fetch-json.ts";
import { flagTexts } from "./filter-panel.ts";
import { type AuditedFacts, neighborFigures } from "./neighbor-figures.ts";
import type { OpenSet, OpenSplit } from "./open-set.ts";

/** An image to show. */
export interface ShownImage {
  readonly set: OpenSet;
  readonly split: OpenSplit;
  readonly row: number;
}

/** What the view of an image needs of the page. */
export interface DialogOptions {
  readonly site: SiteDescription;
  /** What a set is called, if there are two. */
  readonly titles: ReadonlyMap<OpenSet, string>;
  /** Goes to the next image, or the one before. */
  readonly onStep: (step: 1 | -1) => void;
  /** Opens the image of an id. */
  readonly onId: (id: number) => void;
  /** The user has closed it. */
  readonly onClose: () => void;
}

/** One image with everything that is known of it. */
export class ImageDialog {
  readonly element: HTMLDialogElement;
  readonly #options: DialogOptions;
  /** It scrolls, so it takes the focus, too. */
  readonly #body = make("div", { class: "image-view", tabindex: 0, role: "region", "aria-labelledby": "image-title" });
  #isClosedByPage = false;
  readonly #title = make("h2", { id: "image-title" });

  constructor(options: DialogOptions) {
    this.#options = options;
    const { onStep, onClose } = options;
    this.element = make(
      "dialog",
      { class: "image", "aria-labelledby": "image-title" },
      make(
        "header",
        {},
        this.#title,
        makeButton("←", { class: "icon", "aria-label": "previous image", title: "previous (←)" }, () => onStep(-1)),
        makeButton("→", { class: "icon", "aria-label": "next image", title: "next (→)" }, () => onStep(1)),
        makeButton("×", { class: "icon", "aria-label": "close", title: "close (Esc)" }, () => this.element.close()),
      ),
      this.#body,
    );
    this.element.addEventListener("close", () => {
      if (!this.#isClosedByPage) onClose();
      this.#isClosedByPage = false;
    });
    this.element.addEventListener("click", ({ target }) => {
      if (target === this.element) this.element.close();
    });
    this.element.addEventListener("keydown", (event) => {
      const step = ({ ArrowLeft: -1, ArrowRight: 1 } as const)[event.key];
      if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      onStep(step);
    });
  }

  /** Shows images of one id: one, or that of each set. */
  show(images: readonly ShownImage[]): void {
    const [first] = images;
    if (first === undefined) return;
    this.#title.textContent = `Image ${first.split.ids[first.row]}`;
    // A focus within would be lost with what it is on, and the arrow keys with it.
    const hadFocus = this.#body.contains(document.activeElement);
    this.#body.replaceChildren(...images.map((image) => this.#describe(image)));
    this.#body.classList.toggle("pair", images.length > 1);
    if (!this.element.open) this.element.showModal();
    else if (hadFocus) this.#body.focus();
  }

  close(): void {
    if (!this.element.open) return;
    this.#isClosedByPage = true;
    this.element.close();
  }

  #describe(image: ShownImage): HTMLElement {
    const { set, split, row } = image;
    const { columns, ids } = split;
    const { classNames } = set.manifest;
    const title = this.#options.titles.get(set);
    const [label, asked] = [columns.labels[row]!, askedClass(columns, row)];
    const nameOf = (index: number) => classNames[index] ?? String(index);
    const { file, rowInShard } = split.images.shardOf(row);
    const flags = flagNames.filter((_, bit) => (columns.flags[row]! & (1 << bit)) !== 0);
    const canvas = makeCanvas(`image ${ids[row]}: ${nameOf(label)}`);
    const side = make("div", { class: "facts" });
    const seed = set.base === "" ? this.#options.site.seed : undefined;
    const pairs: [string, string | Node][] = [
      ["Label", `${nameOf(label)}, confidence ${columns.confidences[row]!.toFixed(3)}`],
      ["Asked for", asked === undefined ? "no class" : asked === label ? nameOf(asked) : `${nameOf(asked)} (differs)`],
      ["Stored in", make("code", {}, `${file}, row ${formatCount(rowInShard)}`)],
      ...(seed === undefined
        ? []
        : ([["Noise", make("code", {}, `seed ${seed}, id ${ids[row]}`)]] as [string, Node][])),
      ...(columns.hasFlags
        ? ([["Audit", flags.length === 0 ? "no flag" : flags.map((flag) => flagTexts[flag]).join(", ")]] as [
            string,
            string,
          ][])
        : []),
    ];
    side.append(make("dl", {}, ...pairs.flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, value)])));
    const probabilities = make("div", { class: "probabilities" });
    const neighbors = make("div", { class: "neighbors" });
    side.append(probabilities, neighbors);
    const left = make("div", { class: "picture" }, canvas);
    this.#fill({ image, canvas, left, probabilities, neighbors });
    return make(
      "section",
      { class: "one" },
      ...(title === undefined ? [] : [make("h3", {}, title)]),
      make("div", { class: "sides" }, left, side),
    );
  }

  /** Fetches what is not in the columns. What cannot be fetched is said in its place. */
  #fill(parts: {
    readonly image: ShownImage;
    readonly canvas: HTMLCanvasElement;
    readonly left: HTMLElement;
    readonly probabilities: HTMLElement;
    readonly neighbors: HTMLElement;
  }): void {
    const { image, canvas, left, probabilities, neighbors } = parts;
    const { set, split, row } = image;
    const { classNames } = set.manifest;
    const say = (element: HTMLElement) => (thrown: unknown) =>
      element.replaceChildren(make("p", { class: "notice" }, messageOf(thrown)));
    split.images
      .read(row)
      .then((bytes) => {
        drawImage(canvas, bytes);
        if (this.#options.site.canMakeAgain && set.base === "") left.append(makeAgainButton(split.ids[row]!, bytes));
      })
      .catch(say(left));
    split.images
      .readProbabilities(row, classNames.length)
      .then((values) => probabilities.append(...probabilityBars(values, classNames, split.columns.labels[row]!)))
      .catch(say(probabilities));
    if (!split.columns.hasFlags) return;
    fetchJson<AuditedFacts>(set.pathOf(`facts/${split.split}/${row}.json`))
      .then((facts) => {
        if (facts === undefined) throw new SetChangedError();
        neighbors.append(...neighborFigures(facts, this.#options.onId));
      })
      .catch(say(neighbors));
  }
}

/** The most probable classes, ten at most, as bars with figures. */
function probabilityBars(values: Float32Array, classNames: readonly string[], label: number): Node[] {
  const order = [...values.keys()];
  const shown = values.length > 10 ? order.sort((a, b) => values[b]! - values[a]!).slice(0, 10) : order;
  const rows = shown.map((index) => {
    const value = Math.max(0, Math.min(1, values[index]!));
    const bar = makeSvg(
      "svg",
      { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
      makeSvg("rect", { class: "track", width: 100, height: 10 }),
      makeSvg("rect", { class: index === label ? "set-a" : "rest", width: value * 100, height: 10 }),
    );
    return make(
      "tr",
      { class: index === label ? "is-label" : "" },
      make("th", { scope: "row" }, classNames[index] ?? String(index)),
      make("td", {}, bar),
      make("td", { class: "number" }, formatPercent(value)),
    );
  });
  return [make("h3", {}, "Probabilities"), make("table", {}, make("tbody", {}, ...rows))];
}
