import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { parseUrl } from "../../core/parse-url.ts";
import { type ObjectReply, type ObjectStore, TransferError } from "./object-store.ts";
import { refusalOf } from "./refusal.ts";
import { replyRange } from "./reply-range.ts";

/**
 * A folder on a web server.
 * @param url - of the folder; a query (a signature, say), name and password are sent with every request and kept out of
 *   errors
 * @param options.headers - sent with every request to this server, `authorization` for example; where it redirects to
 *   another, they stay behind
 * @throws Cifar5mError `store/bad-header`; TypeError unless the URL is one
 */
export function httpStore(
  url: string,
  options: { readonly headers?: Readonly<Record<string, string>> } = {},
): ObjectStore {
  const base = new URL(url);
  const ownHeaders = { ...credentialsOf(base), ...options.headers };
  requireHeaders(ownHeaders);
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
        ownHeaders,
        headers: {
          // Lengths and ranges are those of the file itself only where nothing compresses it on the way.
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
        `the header ${JSON.stringify(name)} must have a name and a value that HTTP can send, and has not. ` +
          "Look for line breaks and letters beyond Latin-1 in it.",
      );
    }
  }
}

/** Browsers show no script where a redirect leads. They follow it, and keep credentials from other origins themselves. */
const redirect = "document" in globalThis || "WorkerGlobalScope" in globalThis ? "follow" : "manual";

/** Redirects that are followed, one after the other. */
const maxRedirects = 10;

/**
 * A request, and those that the server sends us on to. fetch would take `authorization` off on the way to another origin,
 * but no header of another name.
 */
async function follow(request: {
  readonly url: URL;
  /** Named in errors. */
  readonly publicUrl: string;
  readonly signal: AbortSignal;
  /** For the first origin only. */
  readonly ownHeaders: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}): Promise<Response> {
  const { publicUrl, signal } = request;
  let { url, ownHeaders } = request;
  for (let numRedirects = 0; numRedirects <= maxRedirects; numRedirects++) {
    const headers = { ...ownHeaders, ...request.headers };
    const response = await orTransferError(fetch(url, { signal, headers, redirect }));
    const location = response.headers.get("location");
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
    await response.body?.cancel().catch(() => undefined);
    const next = parseUrl(location, url);
    if (next === undefined || !/^https?:$/.test(next.protocol)) throw badRedirect(publicUrl, "to no web address");
    // Credentials that a server writes into an address are for that address.
    const own = credentialsOf(next);
    ownHeaders = next.origin === url.origin ? { ...ownHeaders, ...own } : own;
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

/** Takes `name:password@` out of a URL, which fetch refuses. */
function credentialsOf(url: URL): Readonly<Record<string, string>> {
  if (url.username === "" && url.password === "") return {};
  const text = `${decode(url.username)}:${decode(url.password)}`;
  url.username = "";
  url.password = "";
  return { authorization: `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(text)))}` };
}

/** A percent sign that escapes nothing stands for itself. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A weak ETag promises equal meaning, not equal bytes. */
function versionOf(headers: Headers): string | undefined {
  const etag = headers.get("etag");
  return etag?.startsWith('"') === true ? etag : (headers.get("last-modified") ?? undefined);
}

/** With a reader, since not every browser has streams that can be iterated. */
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

/** fetch hides the reason of a failure in `cause`. */
async function orTransferError<Value>(promise: Promise<Value>): Promise<Value> {
  try {
    return await promise;
  } catch (thrown) {
    const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
    // Of several addresses that were tried, none is named.
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new TransferError(messageOf(cause) || code, { cause: thrown });
  }
}
