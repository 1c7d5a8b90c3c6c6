import type { Closable } from "./close-on-error.ts";

/**
 * Closes each of several things, in the order given, also if closing one of them fails.
 * @throws the first error
 */
export async function closeAll(...opened: readonly (Closable | undefined)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const each of opened) {
    try {
      await each?.close();
    } catch (thrown) {
      errors.push(thrown);
    }
  }
  if (errors.length > 0) throw errors[0];
}
