import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** An answer in place of the server's. With status 200 a request is confirmed and dropped. */
export interface S3Refusal {
  readonly status: number;
  /** The name that S3 gives it, such as `ExpiredToken`. */
  readonly code: string;
  /** The region that it names, in a header. */
  readonly region?: string;
}

/** A proxy before an S3 server that refuses some requests. */
export interface FaultyS3 {
  readonly url: string;
  /** Successful PUTs so far, by path. */
  readonly numPuts: Map<string, number>;
  /** Whether it drops the metadata of what is written; at first not. */
  dropsMetadata: boolean;
  /** Which requests are refused; at first none. */
  refuse(method: string, path: string): S3Refusal | undefined;
}

/** Starts such a proxy, until the test ends. */
export async function startFaultyS3(target: string): Promise<FaultyS3> {
  const proxy: FaultyS3 & { url: string } = {
    url: "",
    numPuts: new Map(),
    dropsMetadata: false,
    refuse: () => undefined,
  };
  const server = createServer((incoming, outgoing) => {
    const { method = "", url = "", headers } = incoming;
    const path = url.split("?")[0]!;
    const refusal = proxy.refuse(method, path);
    if (refusal !== undefined) {
      const body = `<?xml version="1.0"?><Error><Code>${refusal.code}</Code><Message>refused</Message></Error>`;
      incoming.resume();
      const region = refusal.region === undefined ? {} : { "x-amz-bucket-region": refusal.region };
      outgoing.writeHead(refusal.status, { "content-type": "application/xml", connection: "close", ...region });
      outgoing.end(method === "HEAD" || refusal.status === 200 ? undefined : body);
      return;
    }
    if (proxy.dropsMetadata) delete headers["x-amz-meta-cifar5m-receipt"];
    const upstream = request(`${target}${url}`, { method, headers }, (reply) => {
      if (method === "PUT" && reply.statusCode === 200) proxy.numPuts.set(path, (proxy.numPuts.get(path) ?? 0) + 1);
      outgoing.writeHead(reply.statusCode!, reply.headers);
      reply.pipe(outgoing);
    });
    upstream.on("error", () => outgoing.destroy());
    incoming.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return proxy;
}
