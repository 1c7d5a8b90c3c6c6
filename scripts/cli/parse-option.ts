import { Cifar5mError } from "../../core/errors.ts";

/** @throws Cifar5mError `usage/out-of-range` unless the text is one of the choices, or left out */
export function choiceOption<Choice extends string>(
  flag: string,
  text: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  const choice = choices.find((candidate) => candidate === text);
  if (choice !== undefined || text === undefined) return choice;
  throw new Cifar5mError("usage/out-of-range", `--${flag} must be one of ${choices.join(", ")}, got ${text}.`);
}

/** @throws Cifar5mError `usage/out-of-range` unless the text is an integer from `low` on, or left out */
export function wholeNumberOption(flag: string, text: string | undefined, low: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text.replaceAll("_", ""));
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= low) return value;
  throw new Cifar5mError("usage/out-of-range", `--${flag} must be an integer, at least ${low}, got ${text}.`);
}
