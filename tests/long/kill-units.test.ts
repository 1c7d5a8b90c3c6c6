import { test } from "vitest";
import { killUnits } from "../pipeline/kill-units.ts";

test("1,000 kills while units are sampled and published: none lost, none doubled, no torn file visible", () =>
  killUnits(1000));
