import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { parseUrl } from "../../core/parse-url.ts";
import { type ObjectReply, type ObjectStore, TransferError } from "./object-store.ts";
import { refusalOf as storeRefusalOf } from "./refusal.ts";
import { replyRange } from "./reply-range.ts";

/**
 * A folder on a web server as a store.
 * @param url - URL of the folder; its query (a signature, say), name and password are sent with every request and kept
 *   out of errors
 * @param options.headers - sent with every request to this server, `authorization` for example, but not to other
 *   servers that it redirects to
 * @param options.refusalOf - makes the error for a status other than 200 and 206
 * @throws Cifar5mError `store/bad-header`; TypeError if `url` is not a URL
 */
export function httpStore(
  url: string,
  options: {
    readonly headers?: Readonly<Record<string, string>> | undefined;
    readonly refusalOf?: (url: string, status: number) => Error;
  } = {},
): ObjectStore {
  const { refusalOf = storeRefusalOf } = options;
  const base = new URL(url);
  const originHeaders = { ...credentialsOf(base), ...options.headers };
  requireHeaders(originHeaders);
  const resolveName = (name: string) => {
    const resolved = new URL(base);
    resolved.pathname = `${base.pathname.replace(/\/+$/, "")}/${name}`;
    return resolved;
  };
  const publicUrl = (resolved: URL) => `${resolved.origin}${resolved.pathname}`;
  return {
    location: publicUrl(base),
    urlOf: (name) => publicUrl(resolveName(name)),
    async get(name, { start, end, version, signal }): Promise<ObjectReply> {
      const isPart = start > 0 || end !== undefined;
      const response = await follow({
        url: resolveName(name),
        publicUrl: publicUrl(resolveName(name)),
        signal,
        originHeaders,
        headers: {
          // Lengths and ranges are those of the file itself only if nothing compresses it in transit.
          "accept-encoding": "identity",
          ...(isPart ? { range: `bytes=${start}-${end === undefined ? "" : end - 1}` } : {}),
          ...(isPart && version !== undefined ? { "if-range": version } : {}),
        },
      });
      const { status, headers } = response;
      if ((status !== 200 && status !== 206) || response.body === null) {
        await response.body?.cancel().catch(() => undefined);
        throw refusalOf(publicUrl(resolveName(name)), status);
      }
      const isEncoded = !["identity", null].includes(headers.get("content-encoding"));
      return {
        ...replyRange({
          isWhole: status === 200,
          contentRange: headers.get("content-range") ?? undefined,
          contentLength: isEncoded ? undefined : (headers.get("content-length") ?? undefined),
        }),
        version: versionOf(headers),
        contentType: headers.get("content-type") ?? undefined,
        body: readBody(response.body),
      };
    },
  };
}

/** The error of fetch would show the value, which may be a key. */
function requireHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    try {
      new Headers([[name, value]]);
    } catch {
      throw new Cifar5mError(
        "store/bad-header",
        `the header ${JSON.stringify(name)} must have a name and a value that HTTP can send, and does not. ` +
          "Look for line breaks and letters beyond Latin-1 in it.",
      );
    }
  }
}

/**
 * Scripts in browsers cannot see where a redirect leads. The browser follows it, and keeps credentials from other
 * origins itself.
 */
const redirect = "document" in globalThis || "WorkerGlobalScope" in globalThis ? "follow" : "manual";

/** Number of redirects that are followed in a row. */
const maxRedirects = 10;

/**
 * Sends a request and follows redirects. fetch would drop `authorization` on the way to another origin, but no header
 * of another name.
 */
async function follow(request: {
  readonly url: URL;
  /** Named in errors. */
  readonly publicUrl: string;
  readonly signal: AbortSignal;
  /** Headers for the first origin only. */
  readonly originHeaders: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}): Promise<Response> {
  const { publicUrl, signal } = request;
  let { url, originHeaders } = request;
  for (let numRedirects = 0; numRedirects <= maxRedirects; numRedirects++) {
    const headers = { ...originHeaders, ...request.headers };
    const response = await orTransferError(fetch(url, { signal, headers, redirect }));
    const location = response.headers.get("location");
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
    await response.body?.cancel().catch(() => undefined);
    const next = parseUrl(location, url);
    if (next === undefined || !/^https?:$/.test(next.protocol)) throw badRedirect(publicUrl, "to no web address");
    // Credentials that a server writes into an address are meant for that address.
    const credentials = credentialsOf(next);
    originHeaders = next.origin === url.origin ? { ...originHeaders, ...credentials } : credentials;
    url = next;
  }
  throw badRedirect(publicUrl, `more than ${maxRedirects} times`);
}

function badRedirect(url: string, what: string): Cifar5mError {
  return new Cifar5mError(
    "store/refused",
    `${url} must be answered with 200 or 206, the server redirects ${what}. Check the address and the server.`,
  );
}

/** Takes `name:password@` out of a URL, which fetch would refuse. */
function credentialsOf(url: URL): Readonly<Record<string, string>> {
  if (url.username === "" && url.password === "") return {};
  const text = `${decode(url.username)}:${decode(url.password)}`;
  url.username = "";
  url.password = "";
  return { authorization: `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(text)))}` };
}

/** Decodes percent signs. One that escapes nothing stands for itself. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The version of the bytes. A weak ETag promises equal meaning, not equal bytes, so it does not count. */
function versionOf(headers: Headers): string | undefined {
  const etag = headers.get("etag");
  return etag?.startsWith('"') === true ? etag : (headers.get("last-modified") ?? undefined);
}

/** Reads with a reader, since not every browser has streams that can be iterated. */
async function* readBody(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await orTransferError(reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Turns an error of fetch into a TransferError. fetch hides the reason of a failure in `cause`. */
async function orTransferError<Value>(promise: Promise<Value>): Promise<Value> {
  try {
    return await promise;
  } catch (thrown) {
    const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
    // If several addresses were tried, the message names none of them.
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new TransferError(messageOf(cause) || code, { cause: thrown });
  }
}
