import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { thisProcess, visibleProcesses } from "../../storage/process-identity.ts";
import {
  cleanFinishedTraining,
  openTrainingStore,
  readTrainingLog,
  withTraining,
} from "../../storage/training-store.ts";
import { errorOf } from "../support/expect-error.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-training-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bytesOf = (step: number) => Uint8Array.of(step, step + 1, step + 2);
const nameOf = (step: number) => `checkpoint-${String(step).padStart(9, "0")}.safetensors`;

test("the newest checkpoint is what a training goes on from, and the one before stays", async () => {
  const store = openTrainingStore(folder);
  expect(await store.load()).toBeUndefined();
  for (const step of [3, 6, 9, 12]) await store.save(bytesOf(step), step);
  expect((await readdir(folder)).sort()).toEqual([nameOf(9), nameOf(12)]);
  expect(await openTrainingStore(folder).load()).toEqual(Buffer.from(bytesOf(12)));
});

test("a training killed before it removed an old checkpoint removes it when it goes on", async () => {
  // As the kill leaves them: the last one is there, the oldest is too.
  for (const step of [6, 9, 12]) await writeFile(join(folder, nameOf(step)), bytesOf(step));
  expect(await openTrainingStore(folder).load()).toEqual(Buffer.from(bytesOf(12)));
  expect((await readdir(folder)).filter((name) => name.startsWith("checkpoint")).sort()).toEqual([
    nameOf(9),
    nameOf(12),
  ]);
});

test("a process whose training another one has taken over writes no more checkpoints", async () => {
  const store = openTrainingStore(folder);
  await withTraining(folder, { signal: new AbortController().signal }, async () => {
    await store.save(bytesOf(3), 3);
    const other = { host: "there", pid: 7, sinceMs: 0, visibleProcesses: "000000000000", thisProcess: "7.1" };
    await writeFile(join(folder, "lock"), JSON.stringify(other));
    const { message } = await errorOf(() => store.save(bytesOf(6), 6), "train/lock-lost");
    expect(message).toContain("process 7 on there has gone on with the training");
  });
  expect((await readdir(folder)).sort()).toEqual([nameOf(3), "lock"]);
});

test("a finished training keeps no lock of a process that was killed, and that of a living one", async () => {
  const lock = join(folder, "lock");
  const holder = { host: "here", pid: 1, sinceMs: 0, visibleProcesses };
  await writeFile(lock, JSON.stringify({ ...holder, thisProcess: "999999999.1" }));
  await cleanFinishedTraining(folder);
  expect(await readdir(folder)).toEqual([]);
  await writeFile(lock, JSON.stringify({ ...holder, thisProcess }));
  await cleanFinishedTraining(folder);
  expect(await readdir(folder)).toEqual(["lock"]);
  await writeFile(lock, "");
  await cleanFinishedTraining(folder);
});

test("the log has each step once after a training went on, whatever it wrote past its checkpoint", async () => {
  const line = (step: number) => ({ step, loss: 1 / step, imagesPerSecond: 10 });
  const store = openTrainingStore(folder);
  for (const step of [1, 2, 3]) await store.log(line(step));
  await store.save(bytesOf(3), 3);
  for (const step of [4, 5]) await store.log(line(step));
  await writeFile(join(folder, "log.jsonl"), '{"step":6,"lo', { flag: "a" });
  const again = openTrainingStore(folder);
  await again.load();
  await again.log(line(4));
  expect(await readTrainingLog(folder)).toEqual([1, 2, 3, 4].map(line));
});

test("a damaged line of the log is named, and dropped when the training goes on", async () => {
  const line = (step: number) => ({ step, loss: 1 / step, imagesPerSecond: 10 });
  const path = join(folder, "log.jsonl");
  for (const damaged of ['{"step":2,"loss":}', "null", '{"step":2}', "\0\0\0"]) {
    const lines = [JSON.stringify(line(1)), damaged, JSON.stringify(line(3))];
    await writeFile(path, `${lines.join("\n")}\n`);
    const { message } = await errorOf(() => readTrainingLog(folder), "train/log-corrupt");
    expect(message).toContain(`line 2 of ${path} must be a JSON object with numbers as step and loss, got `);
    const store = openTrainingStore(folder);
    await store.save(bytesOf(3), 3);
    await store.load();
    expect(await readTrainingLog(folder)).toEqual([line(1), line(3)]);
  }
});

test("a second process is refused while one trains, and the log stays as it is", async () => {
  const { signal } = new AbortController();
  const line = (step: number) => ({ step, loss: 1, imagesPerSecond: 10 });
  const other = () => withTraining(folder, { signal }, () => openTrainingStore(folder).load());
  await withTraining(folder, { signal }, async () => {
    const store = openTrainingStore(folder);
    await store.load();
    await store.log(line(1));
    const { message } = await errorOf(other, "train/under-way");
    expect(message).toMatch(
      new RegExp(`^only one process at a time may train in ${folder}, and process ${process.pid} on `),
    );
    await store.log(line(2));
  });
  expect((await readTrainingLog(folder)).map(({ step }) => step)).toEqual([1, 2]);
  await other();
});
