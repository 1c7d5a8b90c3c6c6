/** What a line of ours is cut to. */
const maxLength = 3000;
/** Of a line that is cut, what stays of its end: there it says what to do. */
const tailLength = 1000;

/**
 * Text as it may stand in one line of a terminal or a file. It may come from outside: a name in a manifest can hold
 * what moves the cursor, sets the window's title or reverses the line.
 * @returns control, format and unassigned characters and line breaks as `\u001b`; what is too long, without its middle
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

/** `plainText` without the cut. */
export function escapeControls(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, index) => escapeUnit(character.charCodeAt(index))).join(""),
  );
}

function escapeUnit(unit: number): string {
  return unit === 10 ? "\\n" : `\\u${unit.toString(16).padStart(4, "0")}`;
}
