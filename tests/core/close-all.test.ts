import { expect, test } from "vitest";
import { closeAll } from "../../core/close-all.ts";

test("everything is closed in order, and the first error is thrown at the end", async () => {
  const closed: string[] = [];
  const failing = (name: string) => ({
    close: async () => {
      closed.push(name);
      throw new Error(name);
    },
  });
  await expect(closeAll(failing("a"), undefined, { close: () => void closed.push("b") }, failing("c"))).rejects.toThrow(
    /^a$/,
  );
  expect(closed).toEqual(["a", "b", "c"]);
  await closeAll();
});
