import { test } from "vitest";
import { undisturbedBuildForAllTests } from "../pipeline/undisturbed-build.ts";

const undisturbed = undisturbedBuildForAllTests();

test("a build killed at random moments and resumed leaves the same files as an undisturbed one", () =>
  undisturbed.killOthers(50));
