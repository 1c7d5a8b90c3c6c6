import { spawn } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, inject, test } from "vitest";
import { type OpenOptions, openDataset } from "../../../shards/index.ts";
import { sha256 } from "../../../storage/sha256.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { startFaultyServer } from "../remote/faulty-server.ts";

/** As many shards, of one row each. */
const numShards = 300;
const epochs = { regime: "finite", epochs: 2, batchSize: 200, seed: 1, dropLast: false } as const;

/** A process with a limit of open files reads all batches. @returns a hash of them, or its error */
function readWith(
  limit: number,
  location: string,
  options: { readonly open?: OpenOptions; readonly workers?: number; readonly before?: string },
): Promise<string> {
  const index = pathToFileURL(join(inject("compiledFolder"), "shards", "index.js")).href;
  const { open = {}, workers = 0, before = "" } = options;
  const script = `
    const { hash } = await import("node:crypto");
    const sha256 = (data) => hash("sha256", data);
    const { openDataset } = await import(${JSON.stringify(index)});
    const dataset = await openDataset(${JSON.stringify(location)}, ${JSON.stringify({ memoryBytes: 0, ...open })});
    ${before}
    let all = "";
    try {
      for await (const { images, ids } of dataset.loader(${JSON.stringify({ ...epochs, workers })})) all += sha256(images) + ids.join();
      console.log(sha256(all));
    } catch (thrown) {
      console.log(thrown.code, thrown.message);
    }
    process.exit();`;
  const command = `ulimit -n ${limit}; exec "$0" --input-type=module -e "$1"`;
  const child = spawn("sh", ["-c", command, process.execPath, script], { stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  child.stdout.on("data", (text) => {
    printed += String(text);
  });
  return new Promise((resolve) => child.on("close", () => resolve(printed.trim())));
}

describe.skipIf(process.platform !== "linux")("a data set of more shards than files may be open", () => {
  test("is read whole by any number of workers, from a folder or a server", async () => {
    const [folder, cache] = [await makeTestFolder(), await makeTestFolder()];
    await makeDataset(folder, { train: numShards, test: 1, rowsPerShard: 1 });
    const server = await startFaultyServer(folder);
    let all = "";
    for await (const { images, ids } of (await openDataset(folder, { memoryBytes: 0 })).loader(epochs)) {
      all += sha256(images) + ids.join();
    }
    const wanted = sha256(all);
    expect(await readWith(256, folder, {})).toBe(wanted);
    expect(await readWith(512, folder, { workers: 2 })).toBe(wanted);
    expect(await readWith(256, server.url, { open: { cache: { directory: cache } } })).toBe(wanted);
    expect(await readWith(512, server.url, { open: { cache: { directory: cache } }, workers: 2 })).toBe(wanted);
    // Other files use up the limit. The program notices when it opens one too many.
    const before = `
      const { openSync, closeSync } = await import("node:fs");
      const taken = [];
      try { for (;;) taken.push(openSync("/dev/null", "r")); } catch { for (const one of taken.slice(-5)) closeSync(one); }`;
    expect(await readWith(512, folder, { before })).toBe(wanted);
    // Neither the files nor the cache can hold what one batch needs.
    const tooLittle = { cache: { directory: await makeTestFolder(), maxBytes: 20_000 } };
    expect(await readWith(256, server.url, { open: tooLittle })).toMatch(
      /^disk\/too-many-open-files a batch has rows of 200 shards of .*Raise cache\.maxBytes or `ulimit -n`/,
    );
  });
});
