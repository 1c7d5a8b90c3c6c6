import { Cifar5mError } from "../../core/errors.ts";

/** @throws Cifar5mError `loader/out-of-range`, as the checks below */
export function requireBoolean(name: string, value: unknown): void {
  if (typeof value !== "boolean") throw outOfRange(name, "true or false", value, "Choose one of them.");
}

export function requireInteger(name: string, value: unknown, low: number, high: number, action?: string): void {
  if (!Number.isSafeInteger(value) || Number(value) < low || Number(value) > high) {
    throw outOfRange(name, `an integer in [${low}, ${high}]`, value, action);
  }
}

export function requireNumber(name: string, value: unknown, low: number, high: number): void {
  // Text compares like a number, and adds up like text.
  if (!(typeof value === "number" && value >= low && value <= high)) {
    throw outOfRange(name, `a number in [${low}, ${high}]`, value);
  }
}

export function requireChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (!choices.some((choice) => choice === value)) {
    throw outOfRange(name, `one of ${choices.join(", ")}`, value, "Choose one of them.");
  }
}

export function requireList(name: string, value: unknown, example: string): void {
  if (!Array.isArray(value)) throw outOfRange(name, "a list", value, `Pass ${example}, for example.`);
}

/** @param object - whose methods must be functions */
export function requireMethods(
  name: string,
  object: unknown,
  { rule, methods, action }: { readonly rule: string; readonly methods: readonly string[]; readonly action: string },
): void {
  const has = (method: string) => typeof (object as Record<string, unknown> | null)?.[method] === "function";
  if (!methods.every(has)) throw outOfRange(name, rule, object, action);
}

export function outOfRange(
  name: string,
  rule: string,
  value: unknown,
  action = "Choose one in that range.",
): Cifar5mError {
  return new Cifar5mError("loader/out-of-range", `${name} must be ${rule}, got ${show(value)}. ${action}`);
}

/** Text in quotes: "10" is not a 10. */
function show(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Promise) return "a Promise";
  const isPlain = typeof value === "string" || (typeof value === "object" && value !== null);
  return (isPlain ? JSON.stringify(value) : undefined) ?? String(value);
}
