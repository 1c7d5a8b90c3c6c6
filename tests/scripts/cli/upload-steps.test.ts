import { mkdir, symlink } from "node:fs/promises";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { requireUploadable } from "../../../scripts/cli/upload-steps.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";

test("a set is not published into its own run folder, where the copy would be read in its place", async () => {
  const root = await makeTestFolder();
  const run = join(root, "run");
  await mkdir(run);
  const link = join(root, "link");
  await symlink(run, link);
  const linked = [link, join(link, "dataset", "train"), join(link, "new", "copy")];
  const inside = [
    ...linked,
    join(run, "samples"),
    join(run, "dataset", "train"),
    relative(process.cwd(), join(run, "..copy")),
  ];
  for (const to of [run, `${run}/`, `${join(run, "dataset")}/..`, ...inside]) {
    const { message } = await errorOf(async () => requireUploadable(run, to), "usage/contradiction");
    expect(message).toContain(join(run, "dataset"));
  }
  for (const to of [join(run, "dataset"), `${run}-copy`, join(run, ".."), "s3://bucket/set", "file:///set"]) {
    requireUploadable(run, to);
  }
  requireUploadable(run, undefined);
  await errorOf(async () => requireUploadable(link, run), "usage/contradiction");
  requireUploadable(link, join(run, "dataset"));
});
