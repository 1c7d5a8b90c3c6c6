/** The default limit on the length of a line, in UTF-16 code units. */
const maxLength = 3000;
/** How much of the end is kept when a line is cut. The end of a message says what to do. */
const tailLength = 1000;

/**
 * Makes text safe to print as one line in a terminal or a file. The text may come from outside: a name in a manifest can
 * hold characters that move the cursor, set the window's title or reverse the line.
 * @returns the text with control, format and unassigned characters and line breaks escaped as in `\u001b`; if it is
 *   longer than `limit`, its middle is left out
 */
export function plainText(text: string, limit = maxLength): string {
  const tail = Math.min(tailLength, limit >> 2);
  const numLeftOut = text.length - limit;
  const cut =
    numLeftOut <= 0
      ? text
      : `${text.slice(0, limit - tail)}… (${numLeftOut} characters left out) …${text.slice(text.length - tail)}`;
  return escapeControls(cut);
}

/** `plainText` without a limit on the length. */
export function escapeControls(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, index) => escapeUnit(character.charCodeAt(index))).join(""),
  );
}

function escapeUnit(unit: number): string {
  return unit === 10 ? "\\n" : `\\u${unit.toString(16).padStart(4, "0")}`;
}
