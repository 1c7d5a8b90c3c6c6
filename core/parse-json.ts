/** Limit on nested values. The files of this package stay far below it. */
const maxDepth = 100;

/**
 * `JSON.parse` for text from outside. It limits nesting, because code that walks a deeply nested value recursively would
 * run out of stack.
 * @throws SyntaxError unless the text is JSON, nested no more than 100 deep
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (isDeeper(text)) throw new SyntaxError(`it is nested more than ${maxDepth} deep`);
  return value;
}

/** @param text - JSON */
function isDeeper(text: string): boolean {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const letter = text[index];
    if (letter === '"') index = endOfString(text, index);
    else if (letter === "[" || letter === "{") depth++;
    else if (letter === "]" || letter === "}") depth--;
    if (depth > maxDepth) return true;
  }
  return false;
}

/** Index of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  for (;;) {
    let numBackslashes = 0;
    while (text[end - 1 - numBackslashes] === "\\") numBackslashes++;
    if (numBackslashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
}
