import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, describe, expect, inject, test } from "vitest";
import { makeTestFolder } from "../support/make-rows.ts";

const { errno } = constants;
const shimFolder = mkdtempSync(join(tmpdir(), "cifar5m-shim-"));
const shim = join(shimFolder, "shim.so");
const source = fileURLToPath(new URL("fsync-shim.c", import.meta.url));
const canPlay =
  process.platform === "linux" && spawnSync("cc", ["-shared", "-fPIC", "-o", shim, source, "-ldl"]).status === 0;

afterAll(() => rmSync(shimFolder, { recursive: true, force: true }));

/** Commits files in a new folder, replaces one and reads all, where calls fail. @returns what it printed */
async function commitOn(faults: Partial<Record<"SHIM_FOLDER" | "SHIM_FILE" | "SHIM_LINK", number>>) {
  const root = await makeTestFolder();
  const module = pathToFileURL(join(inject("compiledFolder"), "storage", "commit.js")).href;
  const script = `
    const { commitBytes, replaceBytes } = await import(${JSON.stringify(module)});
    const path = (name) => ${JSON.stringify(root)} + "/new/folder/" + name;
    try {
      const outcomes = [await commitBytes(path("a"), "first"), await commitBytes(path("a"), "second")];
      await replaceBytes(path("b"), "old");
      await replaceBytes(path("b"), "new");
      console.log(outcomes.map(({ outcome }) => outcome).join());
    } catch (thrown) {
      console.log(thrown.code, thrown.message);
    }`;
  const env = Object.fromEntries(Object.entries(faults).map(([name, number]) => [name, String(number)]));
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    env: { ...process.env, ...env, SHIM_ROOT: root, LD_PRELOAD: shim },
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  return { printed: stdout.trim(), folder: join(root, "new", "folder") };
}

describe.skipIf(!canPlay)("on a file system that lacks calls or fails", () => {
  test.each([
    ...(["EINVAL", "ENOTSUP", "ENOSYS", "EBADF"] as const).map((code) => ["SHIM_FOLDER", code] as const),
    ...(["EINVAL", "ENOTSUP", "ENOSYS"] as const).map((code) => ["SHIM_FILE", code] as const),
    ...(["EPERM", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EACCES", "EINVAL", "EXDEV"] as const).map(
      (code) => ["SHIM_LINK", code] as const,
    ),
  ])("files are committed and replaced where %s is refused with %s", async (call, code) => {
    const { printed, folder } = await commitOn({ [call]: errno[code] });
    expect(printed).toBe("committed,kept-existing");
    expect((await readdir(folder)).sort()).toEqual(["a", "b"]);
    expect(await readFile(join(folder, "a"), "utf8")).toBe("first");
    expect(await readFile(join(folder, "b"), "utf8")).toBe("new");
  });

  test.each([
    ["EIO", "disk/io-error"],
    ["EDQUOT", "disk/quota-exceeded"],
    ["ESTALE", "disk/stale"],
    ["ENOSPC", "disk/full"],
  ] as const)("%s of any call is a failure, %s, in one line", async (code, name) => {
    for (const call of ["SHIM_FOLDER", "SHIM_FILE", "SHIM_LINK"] as const) {
      const { printed } = await commitOn({ [call]: errno[code] });
      expect(printed).toMatch(new RegExp(`^${name} cannot write \\S+: .*\\(${code}\\)\\. [A-Z].*\\.$`));
    }
  });

  test("an error that neither Node nor the program has a name for is a failure of the disk too", async () => {
    const { printed } = await commitOn({ SHIM_FILE: 117 });
    expect(printed).toMatch(/^disk\/failed cannot write \S+: .*117.*\. Check the disk, then run again\.$/);
  });
});
