import { messageOf } from "../../core/errors.ts";
import { systemCodeOf } from "../disk-error.ts";
import { type ObjectReply, type ObjectStore, TransferError } from "./object-store.ts";
import { refusalOf } from "./refusal.ts";
import { replyRange } from "./reply-range.ts";

/**
 * A folder on a web server.
 * @param url - of the folder; a query (a signature, say), name and password are sent with every request and kept out of
 *   errors
 * @param options.headers - sent with every request, `authorization` for example
 */
export function httpStore(
  url: string,
  options: { readonly headers?: Readonly<Record<string, string>> } = {},
): ObjectStore {
  const base = new URL(url);
  const ownHeaders = { ...credentialsOf(base), ...options.headers };
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
      const response = await orTransferError(
        fetch(resolveName(name), {
          signal,
          headers: {
            ...ownHeaders,
            // Lengths and ranges are those of the file itself only where nothing compresses it on the way.
            "accept-encoding": "identity",
            ...(isPart ? { range: `bytes=${start}-${end === undefined ? "" : end - 1}` } : {}),
            ...(isPart && version !== undefined ? { "if-range": version } : {}),
          },
        }),
      );
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

/** Takes `name:password@` out of a URL, which fetch refuses. */
function credentialsOf(url: URL): Readonly<Record<string, string>> {
  if (url.username === "" && url.password === "") return {};
  const text = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = "";
  url.password = "";
  return { authorization: `Basic ${Buffer.from(text).toString("base64")}` };
}

/** A weak ETag promises equal meaning, not equal bytes. */
function versionOf(headers: Headers): string | undefined {
  const etag = headers.get("etag");
  return etag?.startsWith('"') === true ? etag : (headers.get("last-modified") ?? undefined);
}

async function* readBody(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await orTransferError(chunks.next());
      if (done === true) return;
      yield value;
    }
  } finally {
    await chunks.return?.().catch(() => undefined);
  }
}

/** fetch hides the reason of a failure in `cause`. */
async function orTransferError<Value>(promise: Promise<Value>): Promise<Value> {
  try {
    return await promise;
  } catch (thrown) {
    const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
    // Of several addresses that were tried, none is named.
    throw new TransferError(messageOf(cause) || (systemCodeOf(cause) ?? String(cause)), { cause: thrown });
  }
}
