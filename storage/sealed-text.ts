import { sha256 } from "./sha256.ts";

/**
 * Ends a text with a comment that holds its hash. A later call can so tell a text that nobody has edited from one that
 * someone has. The comment is one of Markdown and HTML.
 */
export function sealText(text: string): string {
  return `${text}<!-- Written by cifar5m; sha256 of the text above: ${sha256(text)} -->\n`;
}

/** Whether `sealText` wrote this text, and nobody has edited it since. */
export function isSealedText(text: string): boolean {
  const start = text.lastIndexOf("<!-- Written by cifar5m;");
  return start >= 0 && text === sealText(text.slice(0, start));
}

/** Whether a text holds words of somebody's: it is neither as `sealText` wrote it nor empty, as a full disk may leave it. */
export function hasEdits(text: string): boolean {
  return /[^\s\0]/.test(text) && !isSealedText(text);
}
