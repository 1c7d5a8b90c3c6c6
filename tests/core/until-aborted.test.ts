import { expect, test } from "vitest";
import { untilAborted } from "../../core/until-aborted.ts";

test("a value, an error or the reason of a signal comes, whichever is first", async () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const signals = [undefined, first.signal, second.signal];
  const never = new Promise<number>(() => undefined);
  expect(await untilAborted(Promise.resolve(3), signals)).toBe(3);
  await expect(untilAborted(Promise.reject(new Error("broken")), signals)).rejects.toThrow("broken");
  const waiting = untilAborted(never, signals);
  second.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await expect(untilAborted(never, signals)).rejects.toThrow("enough");
});

test("a signal does not keep the values that came before it", async () => {
  const { signal } = new AbortController();
  const values: WeakRef<object>[] = [];
  for (let count = 0; count < 20; count++) {
    const value = new ArrayBuffer(1 << 20);
    values.push(new WeakRef(await untilAborted(Promise.resolve(value), [signal])));
  }
  await collectGarbage();
  expect(values.filter((value) => value.deref() !== undefined).length).toBeLessThan(10);
});

async function collectGarbage(): Promise<void> {
  const { setFlagsFromString } = await import("node:v8");
  const { runInNewContext } = await import("node:vm");
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // References are kept until the turn of the event loop ends.
  await new Promise(setImmediate);
  collect();
}
