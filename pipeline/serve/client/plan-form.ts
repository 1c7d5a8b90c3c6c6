import { make } from "./dom.ts";
import {
  clampPlan,
  type ExperimentPlan,
  firstPlan,
  networkNames,
  type PlanNumber,
  planLimits,
  planNumbers,
} from "./experiment-plan.ts";

const networkTexts = { mlp: "MLP, 107,000 weights", cnn: "CNN, 34,000 weights" } as const;

const fieldTexts: Readonly<Record<PlanNumber, string>> = {
  numSamples: "Images of the real world",
  numBatches: "Batches",
  batchSize: "Images a batch",
  learningRate: "Learning rate",
  seed: "Seed",
};

/** The fields of an experiment's plan. */
export class PlanForm {
  readonly element: HTMLElement;
  readonly #numRows: number;
  readonly #inputs: ReadonlyMap<PlanNumber, HTMLInputElement>;
  readonly #network = make(
    "select",
    {},
    ...networkNames.map((name) => make("option", { value: name }, networkTexts[name])),
  );
  /** Which numbers were changed to what is possible. */
  readonly #note = make("p", { class: "plan-note", role: "status" });

  /**
   * @param numRows - images of the train split
   * @param start - the button that starts the experiment
   */
  constructor(numRows: number, start: HTMLButtonElement) {
    this.#numRows = numRows;
    const plan = firstPlan(numRows);
    this.#inputs = new Map(
      planNumbers.map((key) => {
        const step = key === "learningRate" ? "any" : 1;
        return [key, make("input", { type: "number", value: plan[key], step })];
      }),
    );
    const field = (text: string, control: HTMLElement) => make("label", {}, make("span", {}, text), control);
    const fields = [...this.#inputs].map(([key, input]) => field(fieldTexts[key], input));
    const form = make("form", { class: "plan" }, ...fields, field("Network", this.#network), start);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => {
      this.#note.textContent = "";
      this.#showLimits();
    });
    this.element = make("div", {}, form, this.#note);
    this.#showLimits();
  }

  /** The plan of the form, which then shows what is possible, and says what it has changed. */
  read(): ExperimentPlan {
    const given = [...this.#inputs].flatMap(([key, { valueAsNumber }]) =>
      Number.isNaN(valueAsNumber) ? [] : [[key, valueAsNumber]],
    );
    const network = networkNames.find((name) => name === this.#network.value)!;
    const plan = clampPlan({ ...firstPlan(this.#numRows), ...Object.fromEntries(given), network }, this.#numRows);
    const changes = [...this.#inputs].flatMap(([key, input]) => this.#correct(key, input, plan[key]));
    this.#note.textContent = changes.length === 0 ? "" : `Changed to what is possible: ${changes.join(", ")}.`;
    this.#showLimits();
    return plan;
  }

  /** Writes a number into its field. @returns what this changes */
  #correct(key: PlanNumber, input: HTMLInputElement, value: number): string[] {
    const before = input.value;
    if (input.valueAsNumber === value) return [];
    input.value = String(value);
    return [`${fieldTexts[key].toLowerCase()} ${before === "" ? "" : `from ${before} `}to ${value}`];
  }

  /** Limits depend on the size of a batch. */
  #showLimits(): void {
    const batchSize = this.#inputs.get("batchSize")!.valueAsNumber;
    for (const [key, [least, most]] of Object.entries(planLimits(this.#numRows, batchSize))) {
      const input = this.#inputs.get(key as PlanNumber)!;
      [input.min, input.max] = [String(least), String(most)];
    }
  }
}
