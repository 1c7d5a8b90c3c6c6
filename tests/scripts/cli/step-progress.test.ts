import { expect, test } from "vitest";
import { Reporter } from "../../../scripts/cli/reporter.ts";
import { StepProgress } from "../../../scripts/cli/step-progress.ts";

const step = (name: string, total: number) => ({ name, total, run: async function* () {} });

test("speed and time left are of this call; what was done before counts as done only", () => {
  let nowMs = 0;
  const progress = new StepProgress(step("sample", 1000), () => nowMs);
  expect(progress.leftMs).toBeUndefined();
  progress.count("sample/kept", 400);
  progress.count("sample/images", 100);
  progress.count("dropped/duplicate-within-set", 3);
  progress.count("dropped/surplus-of-class", 1030);
  progress.count("speed/rows", 2);
  progress.show("loss", 0.123456);
  nowMs = 2000;
  expect(progress).toMatchObject({ done: 500, speed: "50.0", leftMs: 10_000, shown: ", loss 0.1235" });
  expect(progress.summary).toBe(
    "100 images, 50.0/s, 400 images done before, 3 left out: copies within the set, 1,030 left out: surplus of their class, " +
      "speed/rows 2, loss 0.1235, 2 s",
  );
});

/** What a terminal of some columns is written. */
function openTerminal(columns: number): { readonly stream: NodeJS.WriteStream; readonly written: () => string } {
  let text = "";
  const stream = {
    isTTY: true,
    columns,
    write: (part: string) => {
      text += part;
      return true;
    },
    cursorTo: () => true,
    clearLine: () => true,
    moveCursor: () => true,
    on: () => stream,
    removeListener: () => stream,
  };
  return { stream: stream as unknown as NodeJS.WriteStream, written: () => text };
}

test.each([80, 120])(
  "at %i columns a bar fits its line, with the time that later steps are expected to take",
  (columns) => {
    const { stream, written } = openTerminal(columns);
    let nowMs = 0;
    const reporter = new Reporter({ stream, verbosity: "normal", clock: () => nowMs });
    reporter.expect({ sample: 1000, label: 39_600_000 });
    reporter.begin(step("sample", 6_000_000));
    nowMs = 2_500_000;
    reporter.count("sample/images", 3_000_000);
    reporter.stop();
    const text = written();
    expect(text).toContain("50% 3000000/6000000");
    expect(text).toContain("about 11 h 41 min in all");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's sequences are what is taken away
    const lines = text.replaceAll(/\u001b\[[^a-zA-Z]*[a-zA-Z]/g, "\n").split(/[\r\n]/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
  },
);

test("a step that turns out shorter than planned shows the time left until its own end", () => {
  const { stream, written } = openTerminal(80);
  let nowMs = 0;
  const reporter = new Reporter({ stream, verbosity: "normal", clock: () => nowMs });
  reporter.begin(step("train-generator", 1_000_000));
  reporter.expectImages(200);
  nowMs = 10_000;
  reporter.count("train-generator/images", 100);
  reporter.stop();
  expect(written()).toContain("50% 100/200 10.0/s, 10 s left");
});
