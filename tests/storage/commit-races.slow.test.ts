import { type ChildProcess, spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, inject, onTestFinished, test } from "vitest";
import { readReceipt } from "../../storage/receipt.ts";
import { sha256 } from "../../storage/sha256.ts";
import { makeTestFolder } from "../support/make-rows.ts";

interface Answer {
  readonly outcome: "committed" | "kept-existing";
  readonly sha256: string;
}

/** A process that commits a unit whenever it is told its number. @param text - of which the data is made */
function startWriter(folder: string, text: string): ChildProcess {
  const url = pathToFileURL(join(inject("compiledFolder"), "storage", "commit-unit.js")).href;
  const script = `
    const { commitUnit } = await import(${JSON.stringify(url)});
    process.on("message", async (unit) => {
      const { receipt, outcome } = await commitUnit({
        dataPath: ${JSON.stringify(folder)} + "/data/" + unit,
        receiptPath: ${JSON.stringify(folder)} + "/receipts/" + unit + ".json",
        origin: { stage: "sample", unit, idStart: unit, idEnd: unit + 1, configHash: "0".repeat(64), models: {}, createdBy: "tests" },
        write: async (sink) => {
          for (let piece = 0; piece < 4; piece++) await sink.write((${JSON.stringify(text)} + unit).repeat(1000));
          return 1;
        },
      });
      process.send({ outcome, sha256: receipt.sha256 });
    });
    process.send("ready");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  onTestFinished(() => void child.kill());
  return child;
}

/** The next message of a writer. */
function answerOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`a writer ended with ${code}`));
    child.once("exit", onExit).once("message", (message) => {
      child.off("exit", onExit);
      resolve(message);
    });
  });
}

/** Lets two processes commit the same units at the same time. */
async function race(
  texts: readonly [string, string],
  numUnits: number,
): Promise<{ folder: string; answers: Answer[][] }> {
  const folder = await makeTestFolder();
  const writers = texts.map((text) => startWriter(folder, text));
  await Promise.all(writers.map(answerOf));
  const answers: Answer[][] = [];
  for (let unit = 0; unit < numUnits; unit++) {
    const both = writers.map(answerOf);
    for (const writer of writers) writer.send(unit);
    answers.push((await Promise.all(both)) as Answer[]);
  }
  return { folder, answers };
}

async function expectWholeUnits(folder: string, numUnits: number): Promise<void> {
  for (let unit = 0; unit < numUnits; unit++) {
    const receipt = await readReceipt(join(folder, "receipts", `${unit}.json`));
    expect(sha256(await readFile(join(folder, "data", `${unit}`))), `unit ${unit}`).toBe(receipt.sha256);
  }
  for (const name of ["data", "receipts"]) expect(await readdir(join(folder, name))).toHaveLength(numUnits);
}

test("when two processes do the same unit, in 500 races, exactly one commits, and both see the same bytes", async () => {
  const numUnits = 500;
  const { folder, answers } = await race(["same", "same"], numUnits);
  for (const [unit, both] of answers.entries()) {
    expect(both.map(({ outcome }) => outcome).sort(), `unit ${unit}`).toEqual(["committed", "kept-existing"]);
    expect(both[0]?.sha256, `unit ${unit}`).toBe(both[1]?.sha256);
  }
  await expectWholeUnits(folder, numUnits);
});

test("when two processes make different bytes of a unit, data and receipt come from the same process", async () => {
  const numUnits = 100;
  const { folder } = await race(["one", "two"], numUnits);
  await expectWholeUnits(folder, numUnits);
});
