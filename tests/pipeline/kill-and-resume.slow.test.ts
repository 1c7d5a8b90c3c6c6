import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hashFolder, runAndKill, runToEnd } from "./kill-build.ts";
import { undisturbedBuildForAllTests } from "./undisturbed-build.ts";

const undisturbed = undisturbedBuildForAllTests();

test("a build killed at random moments and resumed leaves the same files as an undisturbed one", () =>
  undisturbed.killOthers(8));

test("two workers on one run, one of them killed, build the same set", async () => {
  const root = undisturbed.rootOf("shared");
  // Models are trained by rank 0 only, before the others start.
  await runToEnd(undisturbed.commandOf(root, "0", "0", "2"));
  await rm(join(root, "receipts", "sample"), { recursive: true });
  await rm(join(root, "dataset"), { recursive: true });
  await rm(join(root, "receipts", "publish"), { recursive: true });
  const workers = ["0", "1"].map((rank) => undisturbed.commandOf(root, "10", rank, "2"));
  const killedOnce = async () => {
    expect(await runAndKill(workers[1]!, 100, "ready")).toBe(true);
    await runToEnd(workers[1]!);
  };
  await Promise.all([runToEnd(workers[0]!), killedOnce()]);
  // What the killed one left is removed by the next start of rank 0.
  await runToEnd(workers[0]!);
  expect(await hashFolder(join(root, "dataset"))).toEqual(await undisturbed.hash("dataset"));
});
