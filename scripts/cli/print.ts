import { escapeControls, plainText } from "../../core/plain-text.ts";

/** Prints lines to stdout. They may hold text from outside. */
export function printLines(...lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${plainText(line)}\n`).join(""));
}

/** Prints a line to stdout whose cells are separated by tabs. */
export function printCells(cells: readonly string[]): void {
  process.stdout.write(`${cells.map((cell) => plainText(cell)).join("\t")}\n`);
}

/** Prints a value to stdout as JSON. Control characters are escaped; a JSON parser gives them back. */
export function printJson(value: unknown): void {
  const lines = JSON.stringify(value, null, 2).split("\n");
  process.stdout.write(`${lines.map(escapeControls).join("\n")}\n`);
}

/** Prints lines to stderr, as `printLines`. */
export function printErrorLines(...lines: readonly string[]): void {
  process.stderr.write(lines.map((line) => `${plainText(line)}\n`).join(""));
}
