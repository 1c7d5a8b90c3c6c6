import { make, makeButton, setAttributes } from "./dom.ts";

/** Buttons of which one is pressed. */
export class Chooser<Value extends string> {
  readonly element: HTMLElement;
  readonly #buttons: readonly HTMLButtonElement[];

  /** @param choices - each value with its text and, if that is short, its name */
  constructor(
    label: string,
    choices: readonly (readonly [value: Value, text: string, name?: string])[],
    onChoose: (value: Value) => void,
  ) {
    this.#buttons = choices.map(([value, text, name = text]) =>
      makeButton(text, { value, title: name, "aria-label": name }, () => onChoose(value)),
    );
    this.element = make("div", { class: "chooser", role: "group", "aria-label": label }, ...this.#buttons);
  }

  show(value: Value): void {
    for (const button of this.#buttons) setAttributes(button, { "aria-pressed": String(button.value === value) });
  }
}
