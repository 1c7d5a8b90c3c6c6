import { join } from "node:path";
import { expect, test } from "vitest";
import { requireUploadable } from "../../../scripts/cli/upload-steps.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";

test("a set is not published into its own run folder, where the copy would be read in its place", async () => {
  const run = await makeTestFolder();
  for (const to of [run, `${run}/`, `${join(run, "dataset")}/..`]) {
    const { message } = await errorOf(async () => requireUploadable(run, to), "usage/contradiction");
    expect(message).toContain(join(run, "dataset"));
  }
  requireUploadable(run, join(run, "dataset"));
  requireUploadable(run, undefined);
});
