import { createRequire } from "node:module";

/** markdown-it comes without types; this is what the tests use. */
type CreateRenderer = (options: { html: boolean; linkify: boolean }) => { render(text: string): string };

const createRenderer = createRequire(import.meta.url)("markdown-it") as CreateRenderer;

/** HTML of Markdown, by a renderer that trusts it: HTML passes through, and addresses become links. */
export function renderMarkdown(text: string): string {
  return createRenderer({ html: true, linkify: true }).render(text);
}
