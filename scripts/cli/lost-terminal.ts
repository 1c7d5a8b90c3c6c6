import { closeSync } from "node:fs";
import { isatty } from "node:tty";

/** The standard streams that are a terminal, while it is there to be asked. */
const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));

/**
 * Lets go of a terminal that was closed under the process: Node puts every terminal back in order when it ends, and aborts
 * where there is none any more. To be called when nothing is written any more.
 */
export function closeLostTerminal(): void {
  if (process.platform === "win32") return;
  for (const descriptor of terminals) if (!isatty(descriptor)) closeSync(descriptor);
}
