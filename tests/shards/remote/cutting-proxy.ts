import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A TCP proxy that cuts or freezes connections on the server's side of the talk. */
export interface CuttingProxy {
  readonly url: string;
  /** Connections that are open. */
  readonly numOpen: number;
  /** Bytes of answers after which the next connections are cut, one number for each; then none is. */
  cuts: number[];
  /** Lets no more than that many bytes of answers through a connection, and keeps it open. */
  freezeAfter: number;
}

/** Starts a proxy before a server, until the test ends. */
export async function startCuttingProxy(target: string): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  const state: CuttingProxy & { url: string } = {
    url: "",
    cuts: [],
    freezeAfter: Number.POSITIVE_INFINITY,
    get numOpen() {
      return sockets.size;
    },
  };
  const server = createServer((client) => {
    const cutAfter = state.cuts.shift() ?? Number.POSITIVE_INFINITY;
    const upstream = connect(Number(new URL(target).port), "127.0.0.1");
    let bytes = 0;
    sockets.add(client);
    client.on("data", (data) => upstream.write(data));
    upstream.on("data", (data) => {
      const limit = Math.min(cutAfter, state.freezeAfter);
      client.write(data.subarray(0, Math.max(0, limit - bytes)));
      bytes += data.length;
      if (bytes >= cutAfter) client.destroySoon();
    });
    client.on("close", () => {
      sockets.delete(client);
      upstream.destroy();
    });
    upstream.on("close", () => client.destroy());
    for (const socket of [client, upstream]) socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return state;
}
