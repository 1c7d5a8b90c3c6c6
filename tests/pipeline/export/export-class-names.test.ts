import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { exportFormats } from "../../../pipeline/export/export-steps.ts";
import { writeDataset } from "../../../shards/index.ts";
import { commitBytes } from "../../../storage/commit.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { runExport } from "./run-export.ts";

test.each([
  ["n/a", "only png makes folders of classes"],
  ["猫".repeat(90), "at most 255 bytes of UTF-8, got 270"],
])("a class %s is refused by png alone, which makes a folder of it", async (name, said) => {
  const folder = await makeTestFolder();
  const location = join(folder, "set");
  await writeDataset(location, { classNames: [name, "b"], train: { images: new Uint8Array(3072), labels: [0] } });
  for (const format of exportFormats) {
    const target = join(folder, format);
    const work = () => runExport({ location, target, format, splits: ["train"] });
    if (format === "png") expect((await errorOf(work, "import/bad-class-names")).message).toContain(said);
    else {
      await work();
      expect(await readFile(join(target, "class-names.txt"), "utf8")).toBe(`${name}\nb\n`);
    }
  }
});

test("class names with line breaks are refused by all formats, and 85 wide letters make a folder", async () => {
  const folder = await makeTestFolder();
  const train = { images: new Uint8Array(3072), labels: [0] };
  await writeDataset(join(folder, "lines"), { classNames: ["a\nb", "c"], train });
  await writeDataset(join(folder, "wide"), { classNames: ["猫".repeat(85), "c"], train });
  for (const format of exportFormats) {
    const options = { target: join(folder, `out-${format}`), format, splits: ["train"] as const };
    await errorOf(() => runExport({ location: join(folder, "lines"), ...options }), "import/bad-class-names");
    await runExport({ location: join(folder, "wide"), ...options });
  }
});

test("a name that is too long for the file system is told so", async () => {
  const path = join(await makeTestFolder(), "x".repeat(300));
  const { message } = await errorOf(() => commitBytes(path, "text"), "disk/failed");
  expect(message).toContain("is too long for the file system (ENAMETOOLONG). Choose a shorter name.");
});
