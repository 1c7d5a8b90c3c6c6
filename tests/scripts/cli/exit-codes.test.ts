import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { Cifar5mError } from "../../../core/errors.ts";
import { exitCodes, reportError } from "../../../scripts/cli/exit-codes.ts";
import { isWrongUsage, usageCodes } from "../../../scripts/cli/usage-codes.ts";
import buildConfig from "../../../tsconfig.build.json" with { type: "json" };

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
  ["run/missing", 2],
  ["export/target-not-empty", 2],
  ["import/no-train-images", 2],
  ["run/data-missing", 2],
  ["table/out-of-range", 1],
  ["usage/port-taken", 1],
  ["engine/device-missing", 1],
  ["engine/unknown-operator", 1],
  ["experiment/runs-failed", 1],
  ["import/label-out-of-range", 1],
] as const)("%s ends with %i", ([code, exitCode]) => {
  expect(report(new Cifar5mError(code, "a."))).toEqual([exitCode, `${code}: a.\n`]);
});

/** Texts in the sources that look like codes and are none: counters, types of media, columns, units. */
const others =
  /\/(images|kept|s)$|^(application|classes|dropped|images|shards|speed|text)\/|^(assemblyscript\/asc|batch\/v1|cifar5m(-shards)?\/\w+|image\/png|runs\/mine)$/;

test("the codes in the sources end with these exit codes: whoever adds a code sees here what it ends with", async () => {
  const codes = new Set<string>();
  for (const folder of buildConfig.include) {
    const names = await readdir(folder, { recursive: true });
    for (const name of names.filter(
      (file) => file.endsWith(".ts") && !/node_modules|maintain|usage-codes/.test(file),
    )) {
      const text = (await readFile(join(folder, name), "utf8")).replaceAll(/\/\*\*.*?\*\//gs, "");
      for (const [, code] of text.matchAll(/"([a-z][a-z0-9-]*\/[a-z][a-z0-9-]*)"/g)) {
        if (!others.test(code!)) codes.add(code!);
      }
    }
  }
  expect(codes.size).toBeGreaterThan(200);
  // Options are read with codes such as `${area}/unknown-key`.
  const made = ["card/out-of-range", "card/unknown-key", "experiment/unknown-key"];
  expect([...usageCodes].filter((code) => !codes.has(code))).toEqual(made);
  const lines = [...codes]
    .sort()
    .map((code) => `${code} ${isWrongUsage(code) ? exitCodes.usage : exitCodes.failure}\n`);
  await expect(lines.join("")).toMatchFileSnapshot("exit-codes.txt");
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
