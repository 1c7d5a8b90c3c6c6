import { closest, distance } from "fastest-levenshtein";

/** The known word that is closest to a misspelled one; undefined if no known word is close. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const nearest = closest(word, known);
  return distance(word, nearest) <= Math.ceil(word.length / 3) ? nearest : undefined;
}
