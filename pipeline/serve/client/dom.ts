/** Elements without markup: text goes in as text, so nothing that a set holds can become an element. */

type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Makes an element. An attribute that is false is left out; one that is true is empty. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

/** Makes an element of a drawing. */
export function makeSvg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

export function setAttributes(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** A button with an action. */
export function makeButton(text: string, attributes: Attributes, act: (event: MouseEvent) => void): HTMLButtonElement {
  const button = make("button", { type: "button", ...attributes }, text);
  button.addEventListener("click", act);
  return button;
}

/** A button whose action takes time. Meanwhile it keeps the focus, which a disabled button would lose, and does nothing. */
export function makeBusyButton(text: string, attributes: Attributes, act: () => Promise<void>): HTMLButtonElement {
  let isBusy = false;
  const setBusy = (value: boolean) => {
    isBusy = value;
    setAttributes(button, { "aria-disabled": value && "true" });
  };
  const button = makeButton(text, attributes, () => {
    if (isBusy) return;
    setBusy(true);
    void act().finally(() => setBusy(false));
  });
  return button;
}

/** An element of the page that the server sends. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/** Tells users of screen readers what has happened. */
export function announce(text: string): void {
  byId("status").textContent = text;
}

/** Does something once the page is idle for some milliseconds after the last call. */
export function delayed(waitMs: number, act: () => void): () => void {
  let timer = 0;
  return () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(act, waitMs);
  };
}
