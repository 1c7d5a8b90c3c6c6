import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { openRun, requireOpenable } from "../../../pipeline/run/run.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";

const config = resolveConfig({ count: 20, testCount: 0 });

test.each(["contact-sheet.png", "dataset/train/part-00000.arrow", "dataset/README.md"])(
  "a folder with somebody's %s does not become a run",
  async (name) => {
    const root = await makeTestFolder();
    const path = join(root, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, "mine");
    for (const open of [openRun, requireOpenable]) {
      const { message } = await errorOf(() => open(runFolderAt(root), config), "run/not-empty");
      expect(message).toContain(`${root} must be a run folder or a new one, and has no run.json, but ${root}/`);
    }
    expect(await readFile(path, "utf8")).toBe("mine");
    expect(await readdir(root)).toEqual([name.split("/")[0]]);
  },
);

test("a folder with other files may become a run, and a run with a data set goes on", async () => {
  const folder = runFolderAt(await makeTestFolder());
  await writeFile(join(folder.root, "notes.md"), "mine");
  await openRun(folder, config);
  await mkdir(folder.dataset);
  await writeFile(join(folder.dataset, "README.md"), "a card");
  await openRun(folder, config);
});
