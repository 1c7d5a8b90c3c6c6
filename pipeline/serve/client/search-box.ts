import { messageOf } from "../../../core/errors.ts";
import { make } from "./dom.ts";

/** The field in which an id is searched. */
export class SearchBox {
  readonly element: HTMLElement;
  readonly #input = make("input", {
    type: "search",
    inputmode: "numeric",
    placeholder: "id",
    "aria-label": "search an id",
    title: "search an id (/)",
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 16,
  });

  /** @param onSearch - returns whether there is an image with the id; @param onLeave - called by Escape */
  constructor(onSearch: (id: number) => Promise<boolean>, onLeave: () => void) {
    this.element = make(
      "form",
      { class: "search", role: "search" },
      this.#input,
      make("kbd", { "aria-hidden": "true" }, "/"),
    );
    this.#input.addEventListener("input", () => this.#input.setCustomValidity(""));
    this.#input.addEventListener("keydown", ({ key }) => {
      if (key !== "Escape") return;
      this.#clear();
      onLeave();
    });
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.#input.value.trim();
      if (!/^\d{1,16}$/.test(text)) return this.#complain("an id is a whole number");
      onSearch(Number(text))
        .then((isFound) => {
          if (isFound) this.#clear();
          else this.#complain(`there is no image with id ${text}`);
        })
        .catch((thrown: unknown) => this.#complain(messageOf(thrown)));
    });
  }

  focus(): void {
    this.#input.focus();
    this.#input.select();
  }

  #clear(): void {
    this.#input.value = "";
    this.#input.setCustomValidity("");
  }

  #complain(text: string): void {
    this.#input.setCustomValidity(text);
    this.#input.reportValidity();
  }
}
