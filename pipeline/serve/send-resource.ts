import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { Cifar5mError } from "../../core/errors.ts";
import { parseByteRange } from "./byte-range.ts";
import { checkPreconditions, isRangeCurrent } from "./preconditions.ts";
import type { Content, Resource } from "./resource.ts";

/** What a client reads that asks for something else than what is served. */
export const notServed = "there is a page at / that lists what is served";

/**
 * Answers a GET or HEAD request with a resource: 200, 206, 304, 404, 412 or 416.
 * @throws Cifar5mError, before anything is sent, if the resource cannot be opened
 */
export async function sendResource(
  request: IncomingMessage,
  response: ServerResponse,
  resource: Resource,
  visit: { readonly origin: string },
): Promise<void> {
  const content = await resource.open(visit);
  if (content === undefined) return sendText(response, 404, notServed);
  try {
    const etag = `"${content.sha256}"`;
    response.setHeaders(new Map(Object.entries({ "Cache-Control": "no-cache", ...resource.headers })));
    response.setHeader("Accept-Ranges", "bytes").setHeader("ETag", etag);
    const condition = checkPreconditions(request.headers, etag);
    if (condition === "not modified") response.writeHead(304).end();
    else if (condition === "failed") sendText(response, 412, "the entity tag is another one");
    else await sendContent(request, response, content, { type: resource.type, etag });
  } finally {
    await content.close();
  }
}

/** Sends a short text instead of a resource. */
export function sendText(response: ServerResponse, status: number, line: string): void {
  const body = `${line}\n`;
  response.removeHeader("ETag");
  response
    .writeHead(status, {
      "Content-Type": "text/plain; charset=utf-8",
      "Content-Length": Buffer.byteLength(body),
      "Cache-Control": "no-store",
    })
    .end(body);
}

async function sendContent(
  request: IncomingMessage,
  response: ServerResponse,
  content: Content,
  { type, etag }: { readonly type: string; readonly etag: string },
): Promise<void> {
  const { bytes } = content;
  // RFC 9110 defines ranges for GET only.
  const mayBePart = request.method === "GET" && isRangeCurrent(request.headers, etag);
  const part = mayBePart ? parseByteRange(request.headers.range, bytes) : undefined;
  if (part === "unsatisfiable") {
    response.setHeader("Content-Range", `bytes */${bytes}`);
    sendText(response, 416, `there are ${bytes} bytes`);
    return;
  }
  const { start, end } = part ?? { start: 0, end: bytes };
  if (part !== undefined) response.setHeader("Content-Range", `bytes ${start}-${end - 1}/${bytes}`);
  response.writeHead(part === undefined ? 200 : 206, { "Content-Type": type, "Content-Length": end - start });
  if (request.method === "HEAD" || start === end) {
    response.end();
    return;
  }
  let numSent = 0;
  const counted = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      numSent += chunk.byteLength;
      yield chunk;
    }
  };
  await pipeline(content.read({ start, end }), counted, response, { end: false });
  // The file shrank meanwhile. The response must not look complete, and the client must not wait for the rest.
  if (numSent !== end - start) {
    throw new Cifar5mError(
      "serve/size-mismatch",
      `${request.url} ended after ${numSent} of ${end - start} bytes. Run \`cifar5m verify\` to see what is damaged.`,
    );
  }
  response.end();
}
