import { execFileSync } from "node:child_process";
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { exchange, startServe } from "../../scripts/start-serve.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";

const secret = "nobody-may-read-this";

/** A run folder with a data set, and around it files that requests must not reach. */
async function makeRun() {
  const root = join(await makeTestFolder(), "run");
  const dataset = join(root, "dataset");
  await mkdir(dataset, { recursive: true });
  const manifest = await makeDataset(dataset, { train: 20, test: 4, rowsPerShard: 10 });
  const hidden = [
    "run.txt",
    "dataset/notes.txt",
    "dataset/train/unlisted.arrow",
    "dataset/train/.hidden",
    "../x.arrow",
  ];
  for (const file of hidden) await writeFile(join(root, file), secret);
  return { root, dataset, manifest };
}

const ask = (port: number, target: string, method = "GET") =>
  exchange(port, `${method} ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);

test("only listed files are served, whatever the path", async () => {
  const { root } = await makeRun();
  const { port } = await startServe(root);
  const shard = "/dataset/train/part-00000.arrow";
  const hostile = [
    ...["/run.txt", "/dataset", "/dataset/", "/dataset/train/", "/dataset/notes.txt", "/dataset/train/unlisted.arrow"],
    ...[
      "/dataset/train/.hidden",
      "/../x.arrow",
      "/dataset/../run.txt",
      "/dataset/train/../../../x.arrow",
      "/index.html",
    ],
    ...["/%2e%2e/x.arrow", "/dataset/%2e%2e/run.txt", "/dataset/..%2frun.txt", "/%252e%252e/x.arrow", "/..%5cx.arrow"],
    ...["/..\\x.arrow", "/dataset/train/%c0%ae%c0%ae/notes.txt", "//run.txt", "//dataset/manifest.json", `/${shard}`],
    ...["/etc/passwd", "//etc/passwd", "/dataset//etc/passwd", "file:///etc/passwd", "http://localhost/etc/passwd"],
    ...["/run.txt%00.arrow", `${shard}%00`, `${shard}/`, `${shard}/.`, "/dataset/train/PART-00000.arrow", "*", "/%"],
    ...["/__proto__", "/constructor", "/dataset/manifest.json/..%2f..%2frun.txt", "/?/run.txt/../run.txt#/run.txt/x"],
  ];
  for (const target of hostile.filter((path) => !path.startsWith("/?"))) {
    const answer = await ask(port, target);
    expect([400, 404], `${target}: ${answer.slice(0, 80)}`).toContain(statusOf(answer));
    expect(answer).not.toMatch(new RegExp(`${secret}|root:`));
  }
  for (const target of ["/\0", "/a b", `${shard}\0`, "/\u0000/../run.txt"]) {
    expect(statusOf(await ask(port, target)), JSON.stringify(target)).toBe(400);
  }
  expect(statusOf(await ask(port, shard))).toBe(200);
});

test("no path reaches another file", async () => {
  const { root } = await makeRun();
  const { port } = await startServe(root);
  const piece = fc.constantFrom(
    "..",
    ".",
    "",
    "%2e%2e",
    "%2f",
    "dataset",
    "train",
    "run.txt",
    "notes.txt",
    "x.arrow",
    "%00",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
      const answer = await ask(port, `/${pieces.join("/")}`);
      expect(answer).not.toContain(secret);
      expect([200, 400, 404]).toContain(statusOf(answer));
      if (statusOf(answer) === 200) expect(pieces.join("/")).toBe("");
    }),
    { numRuns: 200 },
  );
});

test("a link that leads out of the data set is not followed, one inside it is", async () => {
  const { root, dataset, manifest } = await makeRun();
  const [outward, inward] = manifest.splits.train.shards;
  const { port, errors } = await startServe(root);
  const shard = await readFile(join(dataset, outward!.file));
  await writeFile(join(root, "outside.arrow"), Buffer.alloc(shard.byteLength, secret));
  await rm(join(dataset, outward!.file));
  await symlink(join(root, "outside.arrow"), join(dataset, outward!.file));
  await rename(join(dataset, inward!.file), join(dataset, "moved.arrow"));
  await symlink("../moved.arrow", join(dataset, inward!.file));
  const answer = await ask(port, `/dataset/${outward!.file}`);
  expect(statusOf(answer)).toBe(500);
  expect(answer).not.toContain(secret);
  expect(errors()).toMatch(/^serve\/outside-folder: .*part-00000\.arrow is a link out of .*\n$/);
  expect(statusOf(await ask(port, `/dataset/${inward!.file}`))).toBe(200);
});

test.skipIf(process.platform === "win32")("a named pipe with the name of a shard blocks nothing", async () => {
  const { root, dataset, manifest } = await makeRun();
  const { port } = await startServe(root);
  const { file } = manifest.splits.train.shards[0]!;
  await rm(join(dataset, file));
  execFileSync("mkfifo", [join(dataset, file)]);
  expect(statusOf(await ask(port, `/dataset/${file}`))).toBe(500);
});

test("methods other than GET and HEAD are refused", async () => {
  const { root } = await makeRun();
  const { port } = await startServe(root);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"]) {
    const answer = await ask(port, "/dataset/manifest.json", method);
    expect(statusOf(answer), method).toBe(405);
    expect(answer).toMatch(/\r\nAllow: GET, HEAD\r\n/);
  }
});

test("a server for this machine answers to no foreign name, so a page from elsewhere cannot read through it", async () => {
  const { root } = await makeRun();
  const { port } = await startServe(root);
  const statusFor = async (host: string) =>
    statusOf(await exchange(port, `GET /dataset/manifest.json HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`));
  for (const host of ["localhost", `127.0.0.1:${port}`, "LOCALHOST:9", "[::1]:80"])
    expect(await statusFor(host)).toBe(200);
  for (const host of ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "10.0.0.1"]) {
    expect(await statusFor(host), host).toBe(421);
  }
});
