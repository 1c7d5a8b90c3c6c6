/** A URL, or undefined for a string that is not one. Older browsers, and pages whose polyfills replace URL, have no `URL.canParse`. */
export function parseUrl(text: string | URL, base?: string | URL): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
