import { make, makeButton } from "./dom.ts";

const keys: readonly (readonly [string, string])[] = [
  ["← → ↑ ↓", "go from image to image"],
  ["Page Up, Page Down, Home, End", "go by screens, to the first or last image"],
  ["Enter", "open the image"],
  ["Escape", "close it, or clear the search"],
  ["← →", "in an opened image: the one before or after"],
  ["/", "search an id"],
  ["f", "show or hide the filters"],
  ["?", "this list"],
];

/** What the keys do. */
export function makeHelpDialog(): HTMLDialogElement {
  const rows = keys.map(([key, text]) =>
    make("tr", {}, make("th", { scope: "row" }, make("kbd", {}, key)), make("td", {}, text)),
  );
  const dialog = make(
    "dialog",
    { class: "help", "aria-labelledby": "help-title" },
    make(
      "header",
      {},
      make("h2", { id: "help-title" }, "Keys"),
      makeButton("×", { class: "icon", "aria-label": "close" }, () => dialog.close()),
    ),
    make("table", {}, make("tbody", {}, ...rows)),
    make("p", {}, "The address keeps what is shown: copy it to share a view."),
  );
  return dialog;
}
