/** A URL, or undefined where the text is none. Older browsers, and pages whose polyfills replace URL, have no `URL.canParse`. */
export function parseUrl(text: string | URL, base?: string | URL): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
