const warned = new Set<string>();

/**
 * Warns that a name is deprecated, once per process.
 * @param code - identifies the warning, for example `CIFAR5M001`
 */
export function warnOfOldName(code: string, message: string): void {
  if (warned.has(code)) return;
  warned.add(code);
  if (typeof process === "undefined") console.warn(`${code}: ${message}`);
  else process.emitWarning(message, { type: "DeprecationWarning", code });
}
