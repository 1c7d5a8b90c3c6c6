import { expect, test } from "vitest";
import { warnOfLicense } from "../../../pipeline/card/hub-licenses.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { runInProcess } from "../../support/run-in-process.ts";

test.each([
  ["cc0", " Did you mean cc0-1.0?"],
  ["apache-2", " Did you mean apache-2.0?"],
  ["cc-by-4", " Did you mean cc-by-4.0?"],
  ["my-very-own-terms", " See https"],
])("a license that the Hub does not know is warned of: %s", (license, question) => {
  expect(warnOfLicense(license)).toContain(`got ${license}, which is none of the common ones.${question}`);
});

test("a license that the Hub knows is taken as it is", () => {
  for (const license of ["cc0-1.0", "mit", "other"]) expect(warnOfLicense(license)).toBeUndefined();
});

test("`card` warns of the license that it was given, and writes the card", async () => {
  const folder = await makeTestFolder();
  await makeDataset(folder, { train: 20, test: 5, rowsPerShard: 8 });
  const { exitCode, stdout, stderr } = await runInProcess(["card", folder, "--license", "cc0"]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^card: /);
  expect(stderr).toMatch(/^warning: --license should be an identifier .* Did you mean cc0-1\.0\? .*\n$/);
  expect((await runInProcess(["card", folder, "--license", "cc0-1.0"])).stderr).toBe("");
});
