import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openEventLog } from "../../storage/event-log.ts";
import { encodeScalars, encodeVersion, listRecords } from "../../storage/event-records.ts";
import { makeTestFolder } from "../support/make-rows.ts";

const pathIn = (folder: string) => join(folder, "events.out.tfevents.cifar5m");
const stepsIn = async (folder: string) => listRecords(await readFile(pathIn(folder))).map(({ step }) => step);

test("a record is, byte for byte, what TensorBoard's own writer makes of it", () => {
  // tensorboard 2.21: RecordWriter(...).write(Event(wall_time=1.5, step=300, summary=…("loss", 0.25)).SerializeToString())
  expect(Buffer.from(encodeScalars(300, { loss: 0.25 }, 1.5)).toString("hex")).toBe(
    "1b000000000000001a0d9e1309000000000000f83f10ac022a0d0a0b0a046c6f7373150000803e9908deed",
  );
  expect(Buffer.from(encodeVersion(1.5)).toString("hex")).toBe(
    "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c",
  );
});

test("a cut keeps the version and every record up to the step, whatever the steps", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 40 }), { maxLength: 12 }),
      fc.option(fc.integer({ min: 0, max: 2 ** 40 }), { nil: undefined }),
      async (unsorted, step) => {
        const steps = unsorted.sort((a, b) => a - b);
        const folder = await makeTestFolder();
        const log = openEventLog(folder);
        for (const at of steps) await log.append(at, { loss: at / 3, "test/error": 0.5 });
        await log.cut(step);
        if (steps.length === 0) return;
        expect(await stepsIn(folder)).toEqual([0, ...steps.filter((at) => at <= (step ?? -1))]);
      },
    ),
    { numRuns: 30 },
  );
});

test("a record that was cut short anywhere is dropped, and the log goes on", async () => {
  const folder = await makeTestFolder();
  const log = openEventLog(folder);
  for (const step of [1, 2, 3]) await log.append(step, { loss: step });
  const whole = await readFile(pathIn(folder));
  const end = listRecords(whole).at(-2)!.end;
  for (let length = end + 1; length < whole.length; length++) {
    await writeFile(pathIn(folder), whole);
    await truncate(pathIn(folder), length);
    await log.cut(3);
    await log.append(3, { loss: 4 });
    expect(await stepsIn(folder)).toEqual([0, 1, 2, 3]);
  }
});

test("a flipped bit ends what is kept, instead of being passed on", async () => {
  const folder = await makeTestFolder();
  const log = openEventLog(folder);
  for (const step of [1, 2, 3]) await log.append(step, { loss: step });
  const whole = await readFile(pathIn(folder));
  const [, first, second] = listRecords(whole);
  for (let index = first!.end; index < second!.end; index++) {
    const damaged = Buffer.from(whole);
    damaged[index]! ^= 4;
    await writeFile(pathIn(folder), damaged);
    await log.cut(3);
    expect(await stepsIn(folder)).toEqual([0, 1]);
  }
});

test("cutting a log that is not there makes no file", async () => {
  const folder = await makeTestFolder();
  await openEventLog(folder).cut(5);
  await expect(readFile(pathIn(folder))).rejects.toThrow("ENOENT");
});
