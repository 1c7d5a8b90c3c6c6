import { type ExportOptions, exportSteps } from "../../../pipeline/export/export-steps.ts";
import { runSteps, testContext } from "../../support/run-build.ts";

/** Exports to the end. @returns the counters */
export async function runExport(
  options: Pick<ExportOptions, "location" | "target" | "format"> & Partial<ExportOptions>,
): Promise<ReadonlyMap<string, number>> {
  const context = testContext();
  await runSteps(await exportSteps({ splits: ["train", "test"], partSize: 7, ...options }), context);
  return context.counts;
}
