import { type FlagName, flagNames } from "../../../shards/format/flags.ts";
import type { Manifest } from "../../../shards/format/manifest.ts";
import { Chooser } from "./chooser.ts";
import { make, makeButton, setAttributes } from "./dom.ts";
import { Histogram } from "./histogram.ts";
import { LabelFacets } from "./label-facets.ts";
import type { Selection } from "./select-rows.ts";
import { type SortKey, sortKeys } from "./sort-rows.ts";
import type { ShownSet, View } from "./view-state.ts";

/** What each flag says, for people. */
export const flagTexts: Readonly<Record<FlagName, string>> = {
  nearCopy: "near-copy of CIFAR-10 train",
  memorized: "memorized",
  leak: "near CIFAR-10 test (leak)",
  nearDuplicate: "near-duplicate in the set",
  mislabeled: "likely mislabeled",
};

const setChoices: readonly (readonly [ShownSet, string])[] = [
  ["a", "A"],
  ["b", "B"],
  ["both", "A beside B"],
];

const sortTexts: Readonly<Record<SortKey, string>> = { id: "id", confidence: "confidence", label: "label" };

/** What the panel can offer. */
export interface PanelOptions {
  /** The set and, if there is one, the set to compare with. */
  readonly sets: readonly Pick<Manifest, "classNames">[];
  /** What the sets are called. */
  readonly titles: readonly string[];
  readonly hasRemoved: boolean;
  readonly onChange: (change: Partial<View>) => void;
  readonly onReset: () => void;
}

/** The controls that choose what is shown, with counts of what each would keep. */
export class FilterPanel {
  readonly element: HTMLElement;
  readonly #options: PanelOptions;
  readonly #histogram: Histogram;
  readonly #labels: LabelFacets;
  readonly #range: readonly HTMLInputElement[];
  readonly #rangeText = make("output", { class: "range-text" });
  readonly #other: HTMLInputElement;
  readonly #flags: ReadonlyMap<FlagName, HTMLSelectElement>;
  readonly #flagGroup: HTMLElement;
  readonly #sort: HTMLSelectElement;
  readonly #order: HTMLButtonElement;
  readonly #parts: Chooser<View["part"]>;
  readonly #sets: Chooser<ShownSet>;
  readonly #filters: HTMLElement;

  constructor(options: PanelOptions) {
    const { sets, titles, hasRemoved, onChange, onReset } = options;
    this.#options = options;
    this.#histogram = new Histogram(sets.length);
    this.#parts = new Chooser("Split", partsOf(hasRemoved), (part) => onChange({ part, image: undefined }));
    this.#sets = new Chooser("Set", setChoices, (set) => onChange({ set, image: undefined }));
    const keys = titles.map((title, at) =>
      make("p", { title }, make("i", { class: at === 0 ? "key set-a" : "key set-b" }), title),
    );
    this.#labels = new LabelFacets(
      sets.map(({ classNames }) => classNames),
      (labels) => onChange({ labels }),
    );
    this.#range = ["from", "to"].map((end, index) => {
      const input = make("input", {
        type: "range",
        min: 0,
        max: 1,
        step: 0.01,
        value: index,
        "aria-label": `confidence ${end}`,
      });
      input.addEventListener("input", () => this.#onRange(index));
      return input;
    });
    this.#other = make("input", { type: "checkbox" });
    this.#other.addEventListener("change", () => onChange({ isOther: this.#other.checked }));
    this.#flags = new Map(flagNames.map((name) => [name, this.#makeFlag(name)]));
    this.#flagGroup = group(
      "Flags of the audit",
      ...[...this.#flags].map(([name, select]) =>
        make("label", { class: "flag" }, make("span", {}, flagTexts[name]), select),
      ),
    );
    this.#sort = make(
      "select",
      { "aria-label": "sort by" },
      ...sortKeys.map((key) => make("option", { value: key }, sortTexts[key])),
    );
    this.#sort.addEventListener("change", () => onChange({ sort: sortKeys.find((key) => key === this.#sort.value)! }));
    this.#order = makeButton("↑", { class: "icon" }, () =>
      onChange({ isFalling: this.#order.getAttribute("aria-pressed") !== "true" }),
    );
    this.#filters = make(
      "div",
      { class: "filters" },
      group("Label", ...this.#labels.elements),
      group("Confidence", this.#histogram.element, make("div", { class: "range" }, ...this.#range), this.#rangeText),
      make("label", { class: "check" }, this.#other, "label is not the class asked for"),
      this.#flagGroup,
      make("div", { class: "sort" }, make("span", {}, "Sort by"), this.#sort, this.#order),
      makeButton("Reset filters", { class: "reset" }, onReset),
    );
    this.element = make(
      "aside",
      { id: "filters", "aria-label": "Filters" },
      ...(sets.length < 2 ? [] : [make("div", { class: "sets" }, this.#sets.element, ...keys)]),
      this.#parts.element,
      this.#filters,
    );
  }

  /** Shows a view and, once its rows are known, their counts. */
  show(view: View, selections: readonly Selection[], hasFlags: boolean): void {
    const indexOf = { a: [0], b: [1], both: [0, 1] }[view.set];
    this.#parts.show(view.part);
    this.#sets.show(view.set);
    this.#filters.hidden = view.part === "removed";
    this.#labels.show(view.labels, selections, indexOf);
    this.#other.checked = view.isOther;
    for (const [index, value] of [view.from, view.to].entries()) this.#range[index]!.value = String(value);
    this.#rangeText.textContent = `${view.from.toFixed(2)} to ${view.to.toFixed(2)}`;
    const sets: ArrayLike<number>[] = [];
    for (const [at, set] of indexOf.entries()) sets[set] = selections[at]?.bins ?? [];
    this.#histogram.show(sets, view.from, view.to);
    this.#flagGroup.hidden = !hasFlags;
    for (const [name, select] of this.#flags) {
      const wanted = view.flags[name];
      select.value = wanted === undefined ? "" : wanted ? "with" : "without";
    }
    this.#sort.value = view.sort;
    this.#order.textContent = view.isFalling ? "↓" : "↑";
    setAttributes(this.#order, {
      "aria-pressed": String(view.isFalling),
      "aria-label": "falling order",
      title: view.isFalling ? "largest first" : "smallest first",
    });
  }

  /** The end that was moved takes the other one along. */
  #onRange(moved: number): void {
    const [from, to] = this.#range.map(({ value }) => Number(value)) as [number, number];
    this.#options.onChange(moved === 0 ? { from, to: Math.max(from, to) } : { from: Math.min(from, to), to });
  }

  #makeFlag(name: FlagName): HTMLSelectElement {
    const texts = { "": "any", with: "only", without: "without" };
    const select = make("select", {}, ...Object.entries(texts).map(([value, text]) => make("option", { value }, text)));
    select.dataset["flag"] = name;
    select.addEventListener("change", () => {
      const flags = [...this.#flags].flatMap(([flag, { value }]) => (value === "" ? [] : [[flag, value === "with"]]));
      this.#options.onChange({ flags: Object.fromEntries(flags) });
    });
    return select;
  }
}

function partsOf(hasRemoved: boolean): [View["part"], string][] {
  return [
    ["train", "Train"],
    ["test", "Test"],
    ...(hasRemoved ? ([["removed", "Removed"]] as [View["part"], string][]) : []),
  ];
}

function group(title: string, ...children: readonly Node[]): HTMLElement {
  return make("fieldset", {}, make("legend", {}, title), ...children);
}
