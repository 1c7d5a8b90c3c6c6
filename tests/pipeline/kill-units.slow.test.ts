import { test } from "vitest";
import { killUnits } from "./kill-units.ts";

/** Long enough for a busy machine, where a process needs seconds to start. */
const timeoutMs = 600_000;

test(
  "50 kills while units are sampled and published: none lost, none doubled, no torn file visible",
  {
    timeout: timeoutMs,
  },
  () => killUnits(50),
);
