const warned = new Set<string>();

/** Warns, once a process, that a name goes away. @param code - tells the warning apart, `CIFAR5M001` for example */
export function warnOfOldName(code: string, message: string): void {
  if (warned.has(code)) return;
  warned.add(code);
  if (typeof process === "undefined") console.warn(`${code}: ${message}`);
  else process.emitWarning(message, { type: "DeprecationWarning", code });
}
