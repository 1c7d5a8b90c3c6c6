import { expect, test } from "vitest";
import { closeOnError } from "../../core/close-on-error.ts";

test("what was opened is closed if the work fails, whose error is reported even if closing fails too", async () => {
  let numClosed = 0;
  const opened = {
    close: async () => {
      numClosed++;
      throw new Error("closing failed");
    },
  };
  expect(await closeOnError(opened, async () => "done")).toBe("done");
  expect(numClosed).toBe(0);
  await expect(closeOnError(opened, () => Promise.reject(new Error("work failed")))).rejects.toThrow("work failed");
  expect(numClosed).toBe(1);
});
