import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readTextIfAny } from "../../storage/read-text.ts";
import { updateFile } from "../../storage/update-file.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { mountMemoryBucket } from "../support/memory-bucket.ts";

const addOne = (present: string | undefined) => String(Number(present ?? 0) + 1);

test("of twenty callers that add one at the same time, none is lost, in a folder and in a bucket", async () => {
  const folder = await makeTestFolder();
  for (const root of [folder, mountMemoryBucket().root]) {
    const [path, lockPath] = [`${root}/count`, `${root}/lock`];
    await Promise.all(Array.from({ length: 20 }, () => updateFile(path, { lockPath, change: addOne })));
    expect(await readTextIfAny(path)).toBe("20");
  }
  expect(await readdir(folder)).toEqual(["count"]);
});

test("a caller that keeps the file writes nothing, and an error of its own reaches it and lets the lock go", async () => {
  const folder = await makeTestFolder();
  const [path, lockPath] = [join(folder, "count"), join(folder, "lock")];
  await updateFile(path, { lockPath, change: () => undefined });
  expect(await readdir(folder)).toEqual([]);
  const change = () => {
    throw new Error("damaged");
  };
  await expect(updateFile(path, { lockPath, change })).rejects.toThrow("damaged");
  await updateFile(path, { lockPath, change: addOne });
  expect(await readFile(path, "utf8")).toBe("1");
});
