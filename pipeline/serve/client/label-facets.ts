import { formatCount } from "../../../core/format.ts";
import { make } from "./dom.ts";
import type { Selection } from "./select-rows.ts";

/** The labels to choose from, each with its share of what the other filters keep. */
export class LabelFacets {
  readonly elements: readonly HTMLElement[];
  readonly #facets: readonly {
    readonly element: HTMLElement;
    readonly box: HTMLInputElement;
    readonly name: HTMLElement;
    readonly count: HTMLElement;
    readonly bars: HTMLElement[];
  }[];

  readonly #classNames: readonly (readonly string[])[];

  /** @param classNames - of one set or two, which have a bar each */
  constructor(classNames: readonly (readonly string[])[], onChange: (labels: readonly number[]) => void) {
    this.#classNames = classNames;
    const numLabels = Math.max(...classNames.map((names) => names.length));
    this.#facets = Array.from({ length: numLabels }, (_, label) => {
      const box = make("input", { type: "checkbox", name: "label", value: label });
      box.addEventListener("change", () => onChange(this.#chosen()));
      const name = make("span", { class: "name" });
      const bars = classNames.map((_, set) => make("i", { class: set === 0 ? "set-a" : "set-b" }));
      const count = make("span", { class: "count" });
      const barBox = make("span", { class: "bars" }, ...bars);
      const element = make("label", { class: "facet" }, box, name, barBox, count);
      return { element, box, name, count, bars };
    });
    this.elements = this.#facets.map(({ element }) => element);
  }

  /**
   * @param selections - of the sets on show
   * @param sets - which sets these are: 0, 1 or both
   */
  show(labels: readonly number[], selections: readonly Selection[], sets: readonly number[]): void {
    const shares = selections.map(({ labelCounts }) => {
      const total = labelCounts.reduce((sum, count) => sum + count, 0);
      return (label: number) => labelCounts[label]! / Math.max(1, total);
    });
    const largest = Math.max(1e-9, ...this.#facets.flatMap((_, label) => shares.map((share) => share(label))));
    for (const [label, { element, box, name, count, bars }] of this.#facets.entries()) {
      const names = sets.map((set) => this.#classNames[set]![label]).filter((text) => text !== undefined);
      element.hidden = names.length === 0;
      // Two sets may call a label by two names.
      name.textContent = [...new Set(names)].join(" | ");
      box.checked = labels.includes(label);
      count.textContent = selections.map(({ labelCounts }) => formatCount(labelCounts[label]!)).join(" · ");
      for (const [set, bar] of bars.entries()) {
        const at = sets.indexOf(set);
        bar.hidden = at < 0;
        bar.style.width = `${at < 0 ? 0 : ((shares[at]?.(label) ?? 0) / largest) * 100}%`;
      }
    }
  }

  #chosen(): number[] {
    return this.#facets.flatMap(({ box }, label) => (box.checked ? [label] : []));
  }
}
