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
