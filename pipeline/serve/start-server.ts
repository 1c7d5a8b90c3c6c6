import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Cifar5mError } from "../../core/errors.ts";
import { systemCodeOf } from "../../storage/disk-error.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import type { PublishedDataset } from "../run/find-dataset.ts";
import { shareBuildState } from "./build-state.ts";
import { allowOrigins, parseOrigins } from "./cross-origin.ts";
import { isLoopback, urlHost } from "./host-name.ts";
import { ImageMaker, idToMake } from "./make-again.ts";
import { type FindResource, routesOf } from "./routes.ts";
import { notServed, sendResource, sendText } from "./send-resource.ts";
import { findServedRun } from "./served-run.ts";
import { watchDataset } from "./watch-dataset.ts";

/** Time that responses in progress may take after the server is closed. */
const graceMs = 2000;

/**
 * Targets of bytes that only readers of a page or of a manifest ask for, for which we have looked at the set. An address
 * with a hash is none of them: it must not lead to another set's bytes.
 */
const ofBytes = /^(?!.*\?sha256=)(?:.*\.arrow(?:\?|$)|\/(?:assets|cifar-10|samples)\/)/s;

/** A running server. */
export interface DatasetServer {
  /** As it was at the start; undefined if a build was under way then. */
  readonly dataset: PublishedDataset | undefined;
  /** For example `http://127.0.0.1:8765`, without a slash at the end. */
  readonly origin: string;
  /** Whether only programs on this machine can reach it. */
  readonly isLoopback: boolean;
  /** Stops accepting requests. The promise is fulfilled after the last response, or after two seconds at most. */
  close(): Promise<void>;
}

/**
 * Serves a data set over HTTP, or the state of a build until its set is published. When a manifest was replaced, the
 * next request for a page or a manifest, and all after it, are answered from the set as it is then.
 * @param options.folder - a run folder or a data set folder
 * @param options.compare - folder of another set, which the page shows beside this one
 * @param options.runtime - opens the models of the run, so that visitors of this machine may have images made again
 * @param options.port - 0 for a free one
 * @param options.allowedOrigins - origins whose pages may read the files of the sets, `*` for all; by default none but
 * its own. What else the site has is never for them
 * @param options.report - receives the error if a request cannot be answered, or a set not be read any more
 * @throws Cifar5mError as `findDataset`; `usage/port-taken`, `usage/port-forbidden`, `usage/unknown-host`,
 *   `usage/invalid-origin`
 */
export async function startDatasetServer(options: {
  readonly folder: string;
  readonly compare?: string | undefined;
  readonly runtime?: ModelRuntime;
  readonly host: string;
  readonly port: number;
  readonly allowedOrigins?: readonly string[];
  readonly report: (thrown: unknown) => void;
}): Promise<DatasetServer> {
  const allowedOrigins = parseOrigins(options.allowedOrigins ?? []);
  const served = await findServedRun(options.folder, options.runtime).catch((thrown: unknown) => {
    // A run that cannot be read must not hide its set.
    options.report(thrown);
    return undefined;
  });
  const lookAt = (folder: string, mayBeMissing: boolean) =>
    watchDataset(folder, { mayBeMissing, report: options.report });
  const look = lookAt(options.folder, served !== undefined);
  const lookAtOther = options.compare === undefined ? undefined : lookAt(options.compare, false);
  let [dataset, compare] = await Promise.all([look(), lookAtOther?.()]);
  // With the default of five seconds, a client that merely sends its next request would find the connection closed.
  const server = createServer({ keepAliveTimeout: 65_000 });
  const address = await listen(server, options);
  const local = isLoopback(address.address);
  const origin = `http://${urlHost(address.address)}:${address.port}`;
  // Making an image takes all cores for seconds, and only users of this machine may ask for it.
  const maker = local && served !== undefined ? new ImageMaker(served) : undefined;
  const readBuild = served === undefined ? undefined : shareBuildState(served);
  const makeRoutes = () =>
    routesOf({
      dataset,
      compare,
      served,
      readBuild,
      canMakeAgain: maker !== undefined,
      folder: local ? dataset?.directory : undefined,
    });
  let find = makeRoutes();
  const findNow = async (target: string): Promise<ReturnType<FindResource>> => {
    if (dataset !== undefined && ofBytes.test(target)) return find(target);
    const [datasetNow, compareNow] = await Promise.all([look(), lookAtOther?.()]);
    if (datasetNow !== dataset || compareNow !== compare) {
      [dataset, compare] = [datasetNow, compareNow];
      find = makeRoutes();
    }
    return find(target);
  };
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const host = request.headers.host ?? "";
    response.setHeader("X-Content-Type-Options", "nosniff");
    if (local && host !== "" && !isLoopback(host.replace(/:\d+$/, ""))) {
      // A page from elsewhere may point its domain at this machine, to read data that is meant only for this machine's
      // users.
      sendText(
        response,
        421,
        "this server answers to localhost only; start it with --host to be reached by other names",
      );
    } else if (allowOrigins(request, response, allowedOrigins)) {
      // Its answer was sent.
    } else if (maker !== undefined && idToMake(request) !== undefined) {
      maker.answer(request, response, idToMake(request)!).catch((thrown) => fail(request, response, thrown));
    } else if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      sendText(response, 405, "GET and HEAD only");
    } else {
      const visit = { origin: /^[\w.:[\]-]+$/.test(host) ? `http://${host}` : origin };
      answer(request, response, visit).catch((thrown) => fail(request, response, thrown));
    }
  });

  async function answer(request: IncomingMessage, response: ServerResponse, visit: { origin: string }): Promise<void> {
    const resource = await findNow(request.url ?? "");
    if (resource === undefined) sendText(response, 404, notServed);
    else await sendResource(request, response, resource, visit);
  }

  function fail(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
    // A client that leaves in the middle of a download does no harm.
    if (request.socket.destroyed) return;
    options.report(thrown);
    if (response.headersSent) response.destroy();
    else sendText(response, 500, "this cannot be read; the server's own output says why");
  }

  return { dataset, origin, isLoopback: local, close: () => close(server) };
}

async function listen(server: Server, { host, port }: { host: string; port: number }): Promise<AddressInfo> {
  // Node would listen on all addresses for an empty name.
  if (host.trim() === "") throw unknownHost(host);
  try {
    server.listen({ host, port });
    await once(server, "listening");
  } catch (thrown) {
    throw listenError(thrown, host, port);
  }
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no address");
  return address;
}

function listenError(thrown: unknown, host: string, port: number): unknown {
  switch (systemCodeOf(thrown)) {
    case "EADDRINUSE":
      return new Cifar5mError(
        "usage/port-taken",
        `port ${port} of ${host} must be free, another program has it. Choose another --port, or --port 0 for a free one.`,
      );
    case "EACCES":
      return new Cifar5mError(
        "usage/port-forbidden",
        `port ${port} of ${host} may not be used by you. Choose a --port above 1023, or --port 0 for a free one.`,
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EINVAL":
      return unknownHost(host);
    default:
      return thrown;
  }
}

function unknownHost(host: string): Cifar5mError {
  return new Cifar5mError(
    "usage/unknown-host",
    `--host must be an address of this machine, got ${host.trim() === "" ? "an empty name" : host}. Leave it out to serve this machine only.`,
  );
}

async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}
