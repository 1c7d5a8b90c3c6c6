import type { SiteDescription } from "../site-description.ts";
import { ask, orUnreachable } from "./ask.ts";

/** Fetches JSON of this server. @returns undefined if there is none under this path @throws Error as `ask` */
export async function fetchJson<Value>(path: string, init: RequestInit = {}): Promise<Value | undefined> {
  const response = await ask(path, init);
  if (response === undefined) return undefined;
  const text = await orUnreachable(response.text());
  try {
    return JSON.parse(text) as Value;
  } catch (cause) {
    throw new Error("The server's answer is not JSON. Another program may have sent it.", { cause });
  }
}

/** Fetches 3,072 bytes of an image. @returns undefined if there is none under this path @throws Error as `ask` */
export async function fetchImage(path: string): Promise<Uint8Array | undefined> {
  const response = await ask(path);
  return response === undefined ? undefined : new Uint8Array(await orUnreachable(response.arrayBuffer()));
}

export async function fetchSite(): Promise<SiteDescription> {
  const site = await fetchJson<SiteDescription>("site.json");
  if (site === undefined) throw new Error("this server does not describe itself");
  return site;
}
