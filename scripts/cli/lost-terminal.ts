import { closeSync } from "node:fs";
import { isatty } from "node:tty";

/** The standard streams that are terminals, asked at the start, while the terminals exist. */
const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));

/**
 * Closes the descriptors of a terminal that no longer exists. Node restores every terminal when it ends, and aborts if one
 * is gone. Call this after the last write.
 */
export function closeLostTerminal(): void {
  if (process.platform === "win32") return;
  for (const descriptor of terminals) if (!isatty(descriptor)) closeSync(descriptor);
}
