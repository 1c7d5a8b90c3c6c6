import { execFile, spawnSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { commitBytes, commitFile, replaceBytes, replaceFile } from "../../storage/commit.ts";
import { sha256 } from "../../storage/sha256.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import { emitModule } from "../support/emit-module.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { mountSmallDisk } from "./mount-small-disk.ts";

test("a committed file holds the bytes written, in a folder made for it, and nothing else is left", async () => {
  const folder = join(await makeTestFolder(), "a", "b");
  const committed = await commitFile(join(folder, "data.bin"), async (sink) => {
    await sink.write("héllo ");
    await sink.write(Uint8Array.of(1, 2, 3));
    expect(sink.bytes).toBe(10);
  });
  const bytes = await readFile(join(folder, "data.bin"));
  expect(committed).toEqual({ bytes: 10, sha256: sha256(bytes), outcome: "committed" });
  expect(await readdir(folder)).toEqual(["data.bin"]);
});

test("a folder is made from a relative path too, however short it is", async () => {
  const [cwd, code] = [await makeTestFolder(), await makeTestFolder()];
  const script = `
    const { commitBytes } = await import(${JSON.stringify(await emitModule(code, "storage/commit.ts"))});
    for (const path of ["r/a", "s/t/b", "./u/c", "here"]) await commitBytes(path, path);`;
  await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { cwd });
  expect((await readdir(cwd)).sort()).toEqual(["here", "r", "s", "u"]);
  for (const path of ["r/a", "s/t/b", "u/c"]) expect(await readFile(join(cwd, path), "utf8")).toContain(path);
});

test("a writer that fails leaves neither a visible file nor a temporary", async () => {
  const folder = await makeTestFolder();
  const write = commitFile(join(folder, "data.bin"), async (sink) => {
    await sink.write("half");
    throw new Error("the engine failed");
  });
  await expect(write).rejects.toThrow("the engine failed");
  expect(await readdir(folder)).toEqual([]);
});

test("while a file is written only a hidden temporary exists", async () => {
  const folder = await makeTestFolder();
  await commitFile(join(folder, "data.bin"), async (sink) => {
    await sink.write("half");
    const names = await readdir(folder);
    expect(names).toHaveLength(1);
    expect(names[0]).toMatch(/^\.data\.bin\.tmp~/);
    // A living process owns it, so cleaning must not touch it.
    expect(await removeStaleTemporaries(folder)).toEqual([]);
    await sink.write("whole");
  });
  expect(await readFile(join(folder, "data.bin"), "utf8")).toBe("halfwhole");
});

test("exactly one of many writers of a name commits, and its bytes stay", async () => {
  const folder = await makeTestFolder();
  for (let round = 0; round < 20; round++) {
    const path = join(folder, `unit-${round}`);
    const results = await Promise.all(["a", "b", "c", "d"].map((text) => commitBytes(path, text.repeat(1000))));
    const winners = results.filter((result) => result.outcome === "committed");
    expect(winners).toHaveLength(1);
    expect(sha256(await readFile(path))).toBe(winners[0]?.sha256);
  }
  expect(await readdir(folder)).toHaveLength(20);
});

test("a replaced file has the new bytes, or the old ones if the writer fails", async () => {
  const path = join(await makeTestFolder(), "latest.json");
  await replaceBytes(path, "one");
  expect((await replaceBytes(path, "two")).outcome).toBe("committed");
  await expect(
    replaceFile(path, () => {
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  expect(await readFile(path, "utf8")).toBe("two");
});

test("the temporary of another machine, container or version is removed after a day without a write", async () => {
  const folder = await makeTestFolder();
  const tail = "0123456789abcdef";
  const foreign = [
    `.part-00000.arrow.tmp~${hostname()}~${"0".repeat(12)}~${process.pid}.1~${tail}`,
    `.part-00000.arrow.tmp~${hostname()}~${process.ppid}~${tail}`,
  ];
  const yesterday = new Date(Date.now() - 25 * 3_600_000);
  for (const name of [...foreign, "part-00000.arrow", ".nfs1"]) await writeFile(join(folder, name), "");
  await utimes(join(folder, ".nfs1"), yesterday, yesterday);
  expect(await removeStaleTemporaries(folder)).toEqual([]);
  for (const name of foreign) await utimes(join(folder, name), yesterday, yesterday);
  expect(await removeStaleTemporaries(folder)).toEqual(foreign.sort());
  expect((await readdir(folder)).sort()).toEqual([".nfs1", "part-00000.arrow"]);
  expect(await removeStaleTemporaries(join(folder, "none"))).toEqual([]);
});

test("if somebody removes a temporary or its folder during the write, it is written again with the same bytes", async () => {
  for (const doomed of ["file", "folder"] as const) {
    const folder = join(await makeTestFolder(), "data");
    const write = (path: string) => async (sink: { write(data: Uint8Array): Promise<void> }) => {
      for (let piece = 0; piece < 5; piece++) await sink.write(new Uint8Array(700_000).fill(piece));
      const [temporary = ""] = (await readdir(folder)).filter((name) => name.startsWith(`.${path}`));
      await rm(doomed === "file" ? join(folder, temporary) : folder, { recursive: true });
    };
    const committed = await commitFile(join(folder, "new"), write("new"));
    const replaced = await replaceFile(join(folder, "again"), write("again"));
    expect([committed.outcome, replaced.outcome]).toEqual(["committed", "committed"]);
    expect(sha256(await readFile(join(folder, "again")))).toBe(replaced.sha256);
    // The second one lost its folder, and with it the first file.
    expect(await readdir(folder)).toEqual(doomed === "file" ? ["again", "new"] : ["again"]);
    expect(committed).toEqual(replaced);
  }
});

test("a process killed before the link leaves no visible file, and its temporary is removed later", async () => {
  const [folder, code] = [await makeTestFolder(), await makeTestFolder()];
  const url = await emitModule(code, "storage/commit.ts");
  const script = `
    const { commitFile } = await import(${JSON.stringify(url)});
    await commitFile(${JSON.stringify(join(folder, "data.bin"))}, async (sink) => {
      await sink.write("half");
      process.kill(process.pid, "SIGKILL");
      await new Promise(() => setInterval(() => {}, 1000));
    });`;
  expect(spawnSync(process.execPath, ["--input-type=module", "-e", script]).signal).toBe("SIGKILL");
  const left = await readdir(folder);
  expect(left.filter((name) => !name.startsWith("."))).toEqual([]);
  expect(left).toHaveLength(1);
  expect(await removeStaleTemporaries(folder)).toEqual(left);
  expect((await commitBytes(join(folder, "data.bin"), "whole")).outcome).toBe("committed");
});

test("when two processes write the same units, exactly one commits each", async () => {
  const [folder, code] = [await makeTestFolder(), await makeTestFolder()];
  const url = await emitModule(code, "storage/commit.ts");
  const numUnits = 40;
  const script = `
    const { commitBytes } = await import(${JSON.stringify(url)});
    let won = 0;
    for (let unit = 0; unit < ${numUnits}; unit++) {
      const { outcome } = await commitBytes(${JSON.stringify(folder)} + "/unit-" + unit, process.argv[1].repeat(1000));
      if (outcome === "committed") won++;
    }
    console.log(won);`;
  const run = async (letter: string) =>
    Number((await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script, letter])).stdout);
  const [first, second] = await Promise.all([run("a"), run("b")]);
  expect(first + second).toBe(numUnits);
  expect(await readdir(folder)).toHaveLength(numUnits);
});

test("a folder under a file is refused with an error that names the path", async () => {
  const folder = await makeTestFolder();
  await writeFile(join(folder, "file"), "");
  await expect(commitBytes(join(folder, "file", "data.bin"), "x")).rejects.toMatchObject({
    code: expect.stringMatching(/^disk\//),
    message: expect.stringContaining("data.bin"),
  });
});

test.skipIf(process.getuid?.() === 0)("a folder without write permission is refused by name", async () => {
  const folder = join(await makeTestFolder(), "locked");
  await mkdir(folder);
  await chmod(folder, 0o555);
  await expect(commitBytes(join(folder, "data.bin"), "x")).rejects.toMatchObject({ code: "disk/permission-denied" });
});

test("a full disk is reported as full at any offset, and leaves nothing behind", async (context) => {
  const folder = await mountSmallDisk("size=64k");
  if (folder === undefined) return context.skip();
  for (const chunkBytes of [1000, 4096, 30_000, 70_000]) {
    const path = join(folder, `part-${chunkBytes}`);
    const write = commitFile(path, async (sink) => {
      while (sink.bytes < 200_000) await sink.write(new Uint8Array(chunkBytes));
    });
    await expect(write).rejects.toMatchObject({ code: "disk/full", message: expect.stringContaining(path) });
    expect(await readdir(folder)).toEqual([]);
  }
  expect((await commitBytes(join(folder, "small"), "fits")).outcome).toBe("committed");
});

test("a read-only disk is reported as read-only", async (context) => {
  const folder = await mountSmallDisk("size=64k,ro");
  if (folder === undefined) return context.skip();
  await expect(commitBytes(join(folder, "data.bin"), "x")).rejects.toMatchObject({ code: "disk/read-only" });
});
