import { join } from "node:path";
import { expect, test } from "vitest";
import { auditFolder } from "../../../pipeline/audit/audit-folder.ts";
import { duplicateColumns } from "../../../pipeline/audit/audit-table.ts";
import { duplicatesStep } from "../../../pipeline/audit/duplicates-step.ts";
import type { NearDuplicate } from "../../../pipeline/audit/near-duplicates.ts";
import { planAudit } from "../../../pipeline/audit/plan-audit.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { runSteps, testContext } from "../../support/run-build.ts";

test("of a generator that repeats itself, one unit may hold more pairs than a call takes arguments", async () => {
  const numPairs = 200_000;
  const directory = await makeTestFolder();
  const manifest = await makeDataset(directory, { train: 10, test: 0, rowsPerShard: 10 });
  const files = auditFolder(join(await makeTestFolder(), "audit"), "0".repeat(64));
  await files.tables("audit-duplicates", duplicateColumns).write(
    { index: 0, name: "duplicates-00000", idStart: 0, idEnd: 0 },
    {
      row: Float64Array.from({ length: numPairs }, (_, index) => index + 1),
      of: new Float64Array(numPairs),
      isMirrored: new Uint8Array(numPairs),
      residual: new Float32Array(numPairs),
    },
  );
  let reported: readonly NearDuplicate[] = [];
  const options = { directory, manifest, files, units: planAudit(manifest, undefined, 0) };
  await runSteps(
    [
      duplicatesStep(options, (found) => {
        reported = found;
      }),
    ],
    testContext(),
  );
  expect(reported).toHaveLength(numPairs);
  expect(reported.at(-1)).toEqual({ row: numPairs, of: 0, isMirrored: false, residual: 0 });
});
