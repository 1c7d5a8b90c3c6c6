import { escapeHtml } from "../../core/escape-html.ts";

/** Text that is already HTML. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The values of a template: plain text is escaped, lists are joined. */
export type HtmlValue = string | number | Html | readonly HtmlValue[];

/** A template whose values are escaped, so that a manifest's text cannot become markup. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(String.raw({ raw: parts }, ...values.map(toText)));
}

function toText(value: HtmlValue): string {
  if (value instanceof Html) return value.text;
  if (typeof value === "object") return value.map(toText).join("");
  return escapeHtml(String(value));
}
