import { readFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { sha256 } from "../../../storage/sha256.ts";

/** The faults of one response; none by default. */
export interface Fault {
  readonly status?: number;
  /** Answers 200 with the whole file to a request for a part. */
  readonly ignoresRange?: boolean;
  /** Breaks the connection after that many bytes of the body; its Content-Length promised more. */
  readonly dropAfter?: number;
  /** Sends that many bytes less, with a matching Content-Length. */
  readonly truncateBy?: number;
  /** Sends that many bytes more, with a matching Content-Length. */
  readonly extendBy?: number;
  /** Flips a bit of the byte there. */
  readonly flipAt?: number;
  /** Sends a page instead of the file. */
  readonly html?: boolean;
  /** No Content-Length and no ETag: the end of the body is the only sign. */
  readonly chunked?: boolean;
  /** Waits between pieces of the body. */
  readonly pauseMs?: number;
  /** Sends half of the body, and then nothing. */
  readonly stalls?: boolean;
  /** Sends this value instead of the file's ETag. */
  readonly etag?: string;
  /** Sends a Content-Length that is off by this much, over a raw socket. */
  readonly lieBy?: number;
}

export interface Asked {
  readonly path: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
}

/** A web server of a folder with the given faults. */
export interface FaultyServer {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** Requests whose answer has not ended. */
  readonly numUnderWay: number;
  /** The most answers that were ever being sent, before their last bytes, at once. */
  readonly maxSending: number;
  /** Chooses the faults of a response; gets the number of earlier requests for the same path. */
  fault: (asked: Asked, earlier: number) => Fault;
  forget(): void;
}

/** Starts a server that ends with the test. */
export async function startFaultyServer(folder: string): Promise<FaultyServer> {
  let asked: Asked[] = [];
  const underWay = new Set<ServerResponse>();
  const state = {
    url: "",
    numSending: 0,
    maxSending: 0,
    get asked() {
      return asked;
    },
    get numUnderWay() {
      return underWay.size;
    },
    fault: (_asked: Asked, _earlier: number): Fault => ({}),
    forget() {
      asked = [];
    },
  };
  const server = createServer((request, response) => {
    underWay.add(response);
    response.on("close", () => underWay.delete(response));
    const { pathname, search } = new URL(request.url ?? "/", "http://host");
    const question = {
      path: decodeURIComponent(pathname),
      query: search,
      headers: request.headers,
      range: request.headers.range,
      ifRange: request.headers["if-range"] as string | undefined,
    };
    const earlier = asked.filter(({ path }) => path === question.path).length;
    asked.push(question);
    state.numSending++;
    state.maxSending = Math.max(state.maxSending, state.numSending);
    const onLastBytes = () => {
      state.numSending--;
    };
    answer({ folder, asked: question, fault: state.fault(question, earlier), request, response, onLastBytes }).catch(
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return state;
}

async function answer(options: {
  readonly folder: string;
  readonly asked: Asked;
  readonly fault: Fault;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly onLastBytes: () => void;
}): Promise<void> {
  const { folder, fault, request, response, onLastBytes } = options;
  const { path, range, ifRange } = options.asked;
  if (fault.status !== undefined) return void response.writeHead(fault.status).end("<html>no</html>");
  const file = await readFile(join(folder, path)).catch(() => undefined);
  if (file === undefined) return void response.writeHead(404).end();
  if (fault.html === true) {
    return void response.writeHead(200, { "content-type": "text/html" }).end("<html><body>Sign in</body></html>");
  }
  const etag = fault.etag ?? `"${sha256(file).slice(0, 16)}"`;
  const match = /^bytes=(\d+)-(\d*)$/.exec(range ?? "");
  const isPart = match !== null && fault.ignoresRange !== true && (ifRange === undefined || ifRange === etag);
  const start = isPart ? Number(match[1]) : 0;
  const end = isPart && match[2] !== "" ? Math.min(Number(match[2]) + 1, file.length) : file.length;
  if (start >= file.length) return void response.writeHead(416).end();
  let body: Buffer = Buffer.from(file.subarray(start, end));
  if (fault.flipAt !== undefined && fault.flipAt < body.length) body[fault.flipAt]! ^= 4;
  if (fault.truncateBy !== undefined) body = body.subarray(0, Math.max(0, body.length - fault.truncateBy));
  if (fault.extendBy !== undefined) body = Buffer.concat([body, Buffer.alloc(fault.extendBy)]);
  const headers = {
    "content-type": "application/octet-stream",
    ...(fault.chunked === true ? {} : { etag, "content-length": String(body.length) }),
    ...(isPart ? { "content-range": `bytes ${start}-${end - 1}/${file.length}` } : {}),
  };
  if (fault.lieBy !== undefined) {
    const lines = Object.entries({ ...headers, "content-length": String(body.length + fault.lieBy) });
    request.socket.write(`HTTP/1.1 200 OK\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
    request.socket.end(body);
    return;
  }
  response.writeHead(isPart ? 206 : 200, headers);
  const numPieces = fault.pauseMs === undefined ? 1 : 8;
  const sent = fault.stalls === true ? body.subarray(0, body.length >> 1) : body.subarray(0, fault.dropAfter);
  for (let piece = 0; piece < numPieces; piece++) {
    if (fault.pauseMs !== undefined) await sleep(fault.pauseMs);
    if (piece === numPieces - 1) onLastBytes();
    const at = (index: number) => Math.floor((sent.length * index) / numPieces);
    await new Promise<void>((resolve) => response.write(sent.subarray(at(piece), at(piece + 1)), () => resolve()));
  }
  if (fault.stalls === true) return;
  if (sent.length < body.length) response.socket?.end();
  else response.end();
}
