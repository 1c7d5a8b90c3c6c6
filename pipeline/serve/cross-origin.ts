import type { IncomingMessage, ServerResponse } from "node:http";
import { Cifar5mError } from "../../core/errors.ts";

/** Targets of the files of a set. All else, such as the local path that the page names, stays with this site. */
const ofSets = /^\/(?:compare\/)?dataset\//;

/** Headers that a loader in a page reads from responses. */
const exposedHeaders = "Accept-Ranges, Content-Length, Content-Range, ETag";

/**
 * Checks the origins whose pages may read a data set.
 * @param origins - such as `https://example.org` or `http://localhost:3000`; `*` for all
 * @throws Cifar5mError `usage/invalid-origin`
 */
export function parseOrigins(origins: readonly string[]): ReadonlySet<string> {
  return new Set(
    origins.map((text) => {
      if (text === "*") return text;
      const origin = URL.canParse(text) ? new URL(text) : undefined;
      // An origin has no path; a browser sends it without a slash at the end.
      if (origin !== undefined && /^https?:$/.test(origin.protocol) && origin.href === `${origin.origin}/`) {
        return origin.origin;
      }
      throw new Cifar5mError(
        "usage/invalid-origin",
        `--allow-origin must be * or an origin such as https://example.org, got ${text}. Leave out path and query.`,
      );
    }),
  );
}

/**
 * Lets a page of an allowed origin read the response if it is a file of a set, by the CORS protocol of the Fetch
 * standard.
 * @returns whether the request was a preflight, which is answered by this
 */
export function allowOrigins(
  request: IncomingMessage,
  response: ServerResponse,
  allowed: ReadonlySet<string>,
): boolean {
  if (allowed.size === 0 || !ofSets.test(request.url ?? "")) return false;
  // Caches must not hand one origin's response to another.
  if (!allowed.has("*")) response.setHeader("Vary", "Origin");
  const { origin } = request.headers;
  const name = allowed.has("*") ? "*" : origin !== undefined && allowed.has(origin) ? origin : undefined;
  if (name !== undefined) {
    response.setHeader("Access-Control-Allow-Origin", name);
    response.setHeader("Access-Control-Expose-Headers", exposedHeaders);
  }
  const isPreflight = request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined;
  if (!isPreflight || name === undefined) return false;
  response.setHeader("Access-Control-Allow-Methods", "GET, HEAD");
  response.setHeader("Access-Control-Allow-Headers", "Range, If-Range, If-Match, If-None-Match");
  response.setHeader("Access-Control-Max-Age", "86400");
  response.writeHead(204).end();
  return true;
}
