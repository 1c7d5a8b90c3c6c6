import { expect, test } from "vitest";
import { chooseThreads } from "../../../scripts/cli/threads.ts";

test.each([
  [3, { SLURM_CPUS_PER_TASK: "8" }, 3],
  [undefined, { SLURM_CPUS_PER_TASK: "8" }, 8],
  [undefined, { SLURM_CPUS_PER_TASK: "0" }, undefined],
  [undefined, { SLURM_CPUS_PER_TASK: "many" }, undefined],
  [undefined, {}, undefined],
])("threads are those that --threads names (%s), else those of the Slurm task (%o)", (asked, environment, expected) => {
  expect(chooseThreads(asked, environment)).toBe(expected);
});
