import { stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { withLock } from "../../storage/lock-file.ts";
import { makeTestFolder } from "../support/make-rows.ts";

test("the lock of a training is touched while the training blocks its thread", async () => {
  const path = join(await makeTestFolder(), "lock");
  const watch = { signal: new AbortController().signal };
  const work = async () => {
    // Until the thread that touches the lock has started.
    await sleep(5000);
    const anHourAgo = new Date(Date.now() - 3_600_000);
    await utimes(path, anHourAgo, anHourAgo);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15_000);
    return Date.now() - (await stat(path)).mtimeMs;
  };
  expect(await withLock(path, work, () => new Error("taken"), watch)).toBeLessThan(60_000);
});
