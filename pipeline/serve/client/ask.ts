import { hasCode } from "../../../core/errors.ts";

/** What the page says if there is no answer. The words of browsers differ, and name no remedy. */
export const unreachableText = "The server cannot be reached. Look whether cifar5m serve is still running.";

/** The set that the page has opened is not the one that is served. */
export class SetChangedError extends Error {
  override readonly name = "SetChangedError";

  constructor() {
    super("The set has changed since this page was opened. Load the page anew.");
  }
}

/**
 * Sends a request to this server.
 * @returns undefined if there is nothing under this path
 * @throws Error that says why there is no answer, or what the server says instead of one
 */
export async function ask(path: string, init: RequestInit = {}): Promise<Response | undefined> {
  const response = await orUnreachable(fetch(path, init));
  if (response.status === 404) return undefined;
  if (response.ok) return response;
  // What stands between here and the server may answer with a page of its own.
  const isOurs = response.headers.get("content-type")?.startsWith("text/plain") === true;
  const text = isOurs ? (await orUnreachable(response.text())).trim() : "";
  throw new Error(text === "" ? `The server answers with status ${response.status}.` : `The server says: ${text}`);
}

/** What a request or the body of its answer gives. @throws Error in our own words if the connection breaks */
export async function orUnreachable<Value>(promise: Promise<Value>): Promise<Value> {
  try {
    return await promise;
  } catch (cause) {
    throw new Error(unreachableText, { cause });
  }
}

/** Throws an error of the loader again, in our own words if the connection broke: its own names those of the browser. */
export function inOurWords(thrown: unknown): never {
  const isBroken = hasCode(thrown, "store/unreachable");
  throw isBroken ? new Error(unreachableText, { cause: thrown }) : thrown;
}
