import type { SiteDescription } from "../site-description.ts";

/** Fetches JSON of this server. @returns undefined if there is none under this path */
export async function fetchJson<Value>(path: string): Promise<Value | undefined> {
  const response = await fetch(path);
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`${path}: ${(await response.text()).trim()}`);
  return (await response.json()) as Value;
}

/** Fetches 3,072 bytes of an image. @returns undefined if there is none under this path */
export async function fetchImage(path: string): Promise<Uint8Array | undefined> {
  const response = await fetch(path);
  return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
}

export async function fetchSite(): Promise<SiteDescription> {
  const site = await fetchJson<SiteDescription>("site.json");
  if (site === undefined) throw new Error("this server does not describe itself");
  return site;
}
