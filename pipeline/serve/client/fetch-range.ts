import { ask, orUnreachable } from "./ask.ts";

/**
 * Fetches some bytes of a file.
 * @returns undefined if there is nothing under this path
 * @throws Error as `ask`, or if other bytes come than were asked for
 */
export async function fetchRange(path: string, start: number, length: number): Promise<Uint8Array | undefined> {
  const response = await ask(path, { headers: { range: `bytes=${start}-${start + length - 1}` } });
  if (response === undefined) return undefined;
  const body = new Uint8Array(await orUnreachable(response.arrayBuffer()));
  // What stands between here and the server may send the whole file.
  const bytes = response.status === 206 ? body : body.slice(start, start + length);
  if (bytes.length !== length) throw new Error(`The server has sent ${bytes.length} bytes instead of ${length}.`);
  return bytes;
}
