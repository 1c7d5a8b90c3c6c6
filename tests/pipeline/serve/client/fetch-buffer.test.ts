import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { unreachableText } from "../../../../pipeline/serve/client/ask.ts";
import { fetchBuffer } from "../../../../pipeline/serve/client/fetch-buffer.ts";

const bytes = Uint8Array.from({ length: 300_000 }, (_, at) => (at * 31) % 251);

/** Serves answers until the test ends. @returns the address */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/columns/train.bin`;
}

test("bytes come whole whether the server says how many there are or not, and compressed ones too", async () => {
  const answers: Readonly<Record<string, RequestListener>> = {
    "with a length": (_, response) => response.writeHead(200, { "Content-Length": bytes.length }).end(bytes),
    "without a length": (_, response) => {
      response.writeHead(200).write(bytes.subarray(0, 1000));
      response.end(bytes.subarray(1000));
    },
    compressed: (_, response) => {
      const packed = gzipSync(bytes);
      response.writeHead(200, { "Content-Encoding": "gzip", "Content-Length": packed.length }).end(packed);
    },
    empty: (_, response) => response.writeHead(200, { "Content-Length": 0 }).end(),
  };
  for (const [name, answer] of Object.entries(answers)) {
    const shares: number[] = [];
    const buffer = await fetchBuffer(await serve(answer), (share) => shares.push(share));
    const wanted = name === "empty" ? new Uint8Array(0) : bytes;
    expect(Buffer.from(buffer!).equals(wanted), name).toBe(true);
    expect(shares.at(-1), name).toBe(name === "with a length" ? 1 : undefined);
  }
});

test("bytes that end too early, what is not there, and errors of the server are told apart", async () => {
  const cut = await serve((_, response) => {
    response.writeHead(200, { "Content-Length": bytes.length }).write(bytes.subarray(0, 1000));
    response.socket?.end();
  });
  await expect(fetchBuffer(cut)).rejects.toThrow(unreachableText);
  const missing = await serve((_, response) => response.writeHead(404).end("nothing here\n"));
  expect(await fetchBuffer(missing)).toBe(undefined);
  const broken = await serve((_, response) =>
    response.writeHead(500, { "Content-Type": "text/plain; charset=utf-8" }).end("cannot be read\n"),
  );
  await expect(fetchBuffer(broken)).rejects.toThrow(/^The server says: cannot be read$/);
  const proxy = await serve((_, response) =>
    response.writeHead(502, { "Content-Type": "text/html" }).end("<html>bad gateway</html>"),
  );
  await expect(fetchBuffer(proxy)).rejects.toThrow(/^The server answers with status 502\.$/);
  const gone = await serve((_, response) => response.destroy());
  await expect(fetchBuffer(gone)).rejects.toThrow(unreachableText);
});
