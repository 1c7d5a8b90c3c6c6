import { expect, test } from "vitest";
import { openTestDataset } from "../support/open-test-dataset.ts";

test.each([Number.NaN, -1, "1GB" as unknown as number])(
  "memory of %s bytes is refused when a data set is opened",
  async (memoryBytes) => {
    await expect(openTestDataset({ memoryBytes })).rejects.toMatchObject({
      code: "dataset/out-of-range",
      message: expect.stringMatching(/^memoryBytes must be a number of 0 or more, got (NaN|-1|1GB)\./),
    });
  },
);
