import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTestFolder } from "../support/make-rows.ts";
import { runInProcess } from "../support/run-in-process.ts";

test("the flags of what is published are on when they stand alone, take true or false, and need no other word", async () => {
  const folder = join(await makeTestFolder(), "run");
  for (const [flags, expected] of [
    [
      ["--balance", "--drop-near-copies"],
      [true, true],
    ],
    [
      ["--balance", "false", "--drop-near-copies", "true"],
      [false, true],
    ],
    [["--no-balance"], [false, false]],
    [[], [false, false]],
  ] as const) {
    // The folder may follow a switch.
    const { stdout, stderr } = await runInProcess(["build", ...flags, folder, "--dry-run"]);
    expect(stderr).toBe("");
    const { config } = JSON.parse(stdout) as { config: Record<string, unknown> };
    expect([config["balance"], config["dropNearCopies"]]).toEqual(expected);
  }
  for (const [sizes, said] of [
    [["--count", "9", "--test-count", "0"], "count must be at least 10, an image of each label, got 9"],
    [["--count", "20"], "testCount must be at least 10, an image of each label, got 4"],
  ] as const) {
    const { exitCode, stderr } = await runInProcess(["build", folder, "--balance", ...sizes]);
    expect(stderr).toContain(`config/out-of-range: with balance, ${said}. `);
    expect(exitCode).toBe(2);
  }
  const { stderr } = await runInProcess(["build", folder, "--balance=maybe", "--dry-run"]);
  expect(stderr).toMatch(/^usage\/wrong: --balance is a switch, got --balance=maybe\. Use --balance or --no-balance\./);
});
