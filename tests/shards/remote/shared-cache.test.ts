import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, cp, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { nameTemporary } from "../../../storage/temporary-file.ts";
import { mountSmallDisk } from "../../storage/mount-small-disk.ts";
import { hashBatches } from "./remote-batches.ts";
import { setUp, shuffled } from "./set-up-cache.ts";

test.skipIf(process.geteuid?.() !== 0)(
  "in a cache that users share, files of another user that may not be removed do no harm",
  async () => {
    const { folder, cache, open, local, shards, shardFiles } = await setUp();
    const wanted = await hashBatches(local, shuffled);
    const directory = join(cache, "shards");
    const dead = nameTemporary(join(directory, "a.arrow")).replace(/~\d+\.\d+~/, "~999999999.1~");
    await (await open()).readImages([0, 40]);
    await writeFile(dead, "half");
    await truncate(join(directory, `${shards[1]!.sha256}.arrow`), 1000);
    for (const path of [folder, cache]) await chmod(path, 0o755);
    await chmod(directory, 0o1777);
    process.seteuid!(65_534);
    try {
      expect(await hashBatches(await open(shards[0]!.bytes), shuffled)).toEqual(wanted);
    } finally {
      process.seteuid!(0);
    }
    expect(await shardFiles()).toEqual(
      expect.arrayContaining(shards.slice(0, 2).map(({ sha256: hash }) => `${hash}.arrow`)),
    );
    await open();
    expect(existsSync(dead)).toBe(false);
  },
);

test("a cache that others filled is readable on a read-only disk with a leftover file", async (context) => {
  const [{ server, local, open, cache }, disk] = [await setUp(), await mountSmallDisk("size=4m")];
  if (disk === undefined) return context.skip();
  await hashBatches(await open(), shuffled);
  await cp(cache, disk, { recursive: true });
  const yesterday = new Date(Date.now() - 25 * 3_600_000);
  const leftover = join(disk, "shards", ".a.arrow.tmp~elsewhere~1~0123456789abcdef");
  await writeFile(leftover, "half");
  await utimes(leftover, yesterday, yesterday);
  execFileSync("mount", ["-o", "remount,ro", disk]);
  server.fault = ({ path }) => (path.endsWith(".arrow") ? { status: 500 } : {});
  const dataset = await open(undefined, { cache: { directory: disk } });
  expect(await hashBatches(dataset, shuffled)).toEqual(await hashBatches(local, shuffled));
});
