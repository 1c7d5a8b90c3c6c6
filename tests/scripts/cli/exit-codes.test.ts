import { expect, onTestFinished, test, vi } from "vitest";
import { Cifar5mError } from "../../../core/errors.ts";
import { reportError } from "../../../scripts/cli/exit-codes.ts";

/** @returns the exit code and what was printed */
function report(thrown: unknown, signal?: AbortSignal): [number, string] {
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  onTestFinished(() => write.mockRestore());
  const exitCode = reportError(thrown, { verbose: false, ...(signal === undefined ? {} : { signal }) });
  const printed = write.mock.calls.map(([text]) => String(text)).join("");
  write.mockClear();
  return [exitCode, printed];
}

test.for([
  ["config/unknown-key", 2],
  ["usage/wrong", 2],
  ["run/config-changed", 2],
  ["engine/unknown-device", 2],
  ["experiment/not-json", 2],
  ["experiment/unknown-key", 2],
  ["experiment/out-of-range", 2],
  ["experiment/pool-too-small", 2],
  ["verify/out-of-range", 2],
  ["regenerate/no-such-id", 2],
  ["store/bad-location", 2],
  ["submit/walltime-too-long", 2],
  ["run/walltime-too-short", 1],
  ["run/missing", 1],
  ["engine/device-missing", 1],
  ["engine/unknown-operator", 1],
  ["experiment/runs-failed", 1],
  ["import/label-out-of-range", 1],
] as const)("%s ends with %i", ([code, exitCode]) => {
  expect(report(new Cifar5mError(code, "a."))).toEqual([exitCode, `${code}: a.\n`]);
});

test("errors end with 1, wrong usage with 2", () => {
  expect(report(new Cifar5mError("shard/corrupt", "a."))).toEqual([1, "shard/corrupt: a.\n"]);
  expect(report(new Cifar5mError("config/unknown-key", "a."))).toEqual([2, "config/unknown-key: a.\n"]);
  expect(report(new Error("a"))).toEqual([1, "unexpected: a. Please report this, with the output of --verbose.\n"]);
});

test("after a signal, what it brings about is an interruption, and a failure of its own stays one", () => {
  const signal = AbortSignal.abort();
  const interrupted = [
    130,
    "interrupted: what was finished is kept, a unit of images under way begins again. Run the same command again to go on.\n",
  ];
  expect(report(signal.reason, signal)).toEqual(interrupted);
  expect(report(new Cifar5mError("interrupted", "a."), signal)).toEqual(interrupted);
  expect(report(new Cifar5mError("store/unreachable", "a."), signal)).toEqual(interrupted);
  expect(report(new Cifar5mError("disk/full", "a."), signal)).toEqual([1, "disk/full: a.\n"]);
  expect(report(new Cifar5mError("train/diverged", "a."), signal)).toEqual([1, "train/diverged: a.\n"]);
});
