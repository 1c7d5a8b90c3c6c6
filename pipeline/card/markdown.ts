import { plainText } from "../../core/plain-text.ts";

/** Text that is already Markdown. */
export class Markdown {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The values of a template: plain text is escaped, lists are joined. */
export type MarkdownValue = string | number | Markdown | readonly MarkdownValue[];

/** A template whose values are escaped, so that text from a manifest cannot become markup. */
export function md(parts: TemplateStringsArray, ...values: readonly MarkdownValue[]): Markdown {
  return new Markdown(String.raw({ raw: parts }, ...values.map(toText)));
}

/** Length of a text from outside, at most. */
const maxLength = 300;

/**
 * Text that Markdown shows as it is, on one line. Backslashes and entities disarm emphasis, links, images, HTML, tables,
 * formulas, mentions and the addresses that renderers turn into links by themselves.
 */
export function escapeMarkdown(text: string): string {
  return plainText(text, maxLength)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll(/[\\`*_{}[\]#|~$@]|:(?=\S)|(?<=\p{L})\.(?=\p{L})/gu, (character) => `\\${character}`);
}

/** A table: the titles of its columns, then its rows. */
export function table(titles: readonly MarkdownValue[], rows: readonly (readonly MarkdownValue[])[]): Markdown {
  const line = (cells: readonly MarkdownValue[]) => `| ${cells.map(toText).join(" | ")} |`;
  return new Markdown([line(titles), line(titles.map(() => new Markdown("---"))), ...rows.map(line)].join("\n"));
}

/** Text in a code span. Only for text that is known to hold no backtick and no line break, such as a hash. */
export function code(text: string): Markdown {
  return new Markdown(`\`${text}\``);
}

/** A block of code. The fence is longer than any run of backticks within. */
export function codeBlock(language: string, text: string): Markdown {
  const runs = text.match(/`+/g) ?? [];
  const fence = "`".repeat(Math.max(3, ...runs.map((run) => run.length + 1)));
  return new Markdown(`${fence}${language}\n${text}\n${fence}`);
}

/** A bullet list. */
export function bullets(items: readonly Markdown[]): Markdown {
  return new Markdown(items.map(({ text }) => `- ${text}`).join("\n"));
}

function toText(value: MarkdownValue): string {
  if (value instanceof Markdown) return value.text;
  if (typeof value === "string") return escapeMarkdown(value);
  return typeof value === "number" ? String(value) : value.map(toText).join("");
}
