import { checkCompanions } from "../card/check-companions.ts";
import { writeCard } from "../card/write-card.ts";
import type { RunFolder } from "../run/run-folder.ts";

/**
 * Writes damaged or lost ones of README.md, croissant.json and the picture again, if the set of a run has a card.
 * @returns the files that were written again
 * @throws as `writeCard`
 */
export async function repairCard({ root, dataset }: Pick<RunFolder, "root" | "dataset">): Promise<string[]> {
  const problems = await checkCompanions(dataset);
  if (problems.length > 0) await writeCard({ root });
  return problems.map(({ file }) => file);
}
