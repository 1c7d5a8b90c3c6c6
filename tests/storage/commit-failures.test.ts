import type * as Files from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { hashConfig } from "../../storage/canonical-json.ts";
import type * as Commit from "../../storage/commit.ts";
import type * as CommitUnit from "../../storage/commit-unit.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { type Fault, FaultyDisk } from "./faulty-disk.ts";

const disk = new FaultyDisk();
let real: typeof Files;
let storage: typeof Commit & typeof CommitUnit;

beforeEach(async () => {
  real = await vi.importActual<typeof Files>("node:fs/promises");
  vi.resetModules();
  vi.doMock("node:fs/promises", () => disk.wrap(real));
  storage = { ...(await import("../../storage/commit.ts")), ...(await import("../../storage/commit-unit.ts")) };
  disk.arm(undefined);
  return () => vi.doUnmock("node:fs/promises");
});

/** All faults of `work`: each of its calls fails before or after it does its work, or is never reached. */
async function faultsOf(work: () => Promise<unknown>): Promise<Fault[]> {
  disk.arm(undefined);
  await work();
  const numCalls = disk.calls.length;
  expect(disk.calls).toEqual(expect.arrayContaining(["mkdir", "open", "write", "sync", "close"]));
  // A death after a call equals a death before the next one.
  const ways = [
    { moment: "before", kind: "error" },
    { moment: "after", kind: "error" },
    { moment: "before", kind: "death" },
  ] as const;
  return Array.from({ length: numCalls }, (_, call) => ways.map((way) => ({ call, ...way }))).flat();
}

/** Visible files below a folder, by relative path. */
async function visibleFiles(folder: string): Promise<Map<string, string>> {
  const entries = await real.readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(
      paths.sort().map(async (path) => [path.slice(folder.length + 1), await real.readFile(path, "utf8")] as const),
    ),
  );
}

/** Runs work with a fault. @returns whether it failed, which must be by one of our errors that names a file in `folder` */
async function runWith(fault: Fault, folder: string, work: () => Promise<unknown>): Promise<boolean> {
  disk.arm(fault);
  const thrown = await work().then(
    () => undefined,
    (error: unknown) => error,
  );
  disk.arm(undefined);
  if (thrown === undefined) return false;
  expect(thrown).toMatchObject({
    name: "Cifar5mError",
    code: "disk/io-error",
    message: expect.stringContaining(folder),
  });
  expect((thrown as Error).message).not.toContain("\n");
  return true;
}

const pieces = ["first piece, ", "second piece, ", "third piece"];
const whole = pieces.join("");

test("a file whose commit fails or dies at any call is absent or whole, and the same commit then succeeds", async () => {
  const commit = (folder: string) =>
    storage.commitFile(join(folder, "a", "data.bin"), async (sink) => {
      for (const piece of pieces) await sink.write(piece);
    });
  const faults = await faultsOf(async () => commit(await makeTestFolder()));
  for (const fault of faults) {
    const folder = await makeTestFolder();
    await runWith(fault, folder, () => commit(folder));
    for (const text of (await visibleFiles(folder)).values()) expect(text, JSON.stringify(fault)).toBe(whole);
    await commit(folder);
    expect(await visibleFiles(folder), JSON.stringify(fault)).toEqual(new Map([["a/data.bin", whole]]));
  }
});

test("a file whose replacement fails or dies at any call is the old one or the new one", async () => {
  const replace = (folder: string, text: string) => storage.replaceBytes(join(folder, "latest.json"), text);
  const faults = await faultsOf(async () => replace(await makeTestFolder(), "new"));
  for (const fault of faults) {
    const folder = await makeTestFolder();
    await replace(folder, "old");
    await runWith(fault, folder, () => replace(folder, "new"));
    expect(["old", "new"], JSON.stringify(fault)).toContain((await visibleFiles(folder)).get("latest.json"));
    await replace(folder, "new");
    expect((await visibleFiles(folder)).get("latest.json")).toBe("new");
  }
});

const unitOf = (folder: string, text = whole) => ({
  dataPath: join(folder, "data", "unit.bin"),
  receiptPath: join(folder, "receipts", "unit.json"),
  origin: {
    ...{ stage: "sample", unit: 0, idStart: 0, idEnd: 3, createdBy: "cifar5m tests" },
    ...{ configHash: hashConfig({ seed: 1 }), models: {} },
  },
  write: async (sink: Commit.CommitSink) => {
    await sink.write(text.slice(0, 10));
    await sink.write(text.slice(10));
    return 3;
  },
});

test.for([
  ["with nothing there", undefined],
  ["over an orphan of a crash with the same bytes", whole],
  ["over an orphan of another config", "other bytes, of another configuration"],
] as const)(
  "a unit whose commit fails or dies at any call, %s: no receipt without its whole file",
  async ([, orphan]) => {
    const prepare = async () => {
      const folder = await makeTestFolder();
      if (orphan === undefined) return folder;
      await real.mkdir(join(folder, "data"));
      await real.writeFile(join(folder, "data", "unit.bin"), orphan);
      return folder;
    };
    const undisturbed = await prepare();
    const faults = await faultsOf(() => storage.commitUnit(unitOf(undisturbed)));
    const expected = await visibleFiles(undisturbed);
    expect([...expected.keys()]).toEqual(["data/unit.bin", "receipts/unit.json"]);
    for (const fault of faults) {
      const folder = await prepare();
      await runWith(fault, folder, () => storage.commitUnit(unitOf(folder)));
      const visible = await visibleFiles(folder);
      const [data, receipt] = [...expected.keys()].map((name) => visible.get(name));
      expect([undefined, orphan, whole], JSON.stringify(fault)).toContain(data);
      expect([undefined, expected.get("receipts/unit.json")], JSON.stringify(fault)).toContain(receipt);
      if (receipt !== undefined) expect(data, JSON.stringify(fault)).toBe(whole);
      await storage.commitUnit(unitOf(folder));
      expect(await visibleFiles(folder), JSON.stringify(fault)).toEqual(expected);
    }
  },
);

test("a failed commit that can clean up leaves no temporary, unless cleaning up is what failed", async () => {
  const commit = (folder: string) => storage.commitBytes(join(folder, "data.bin"), whole);
  for (const fault of (await faultsOf(async () => commit(await makeTestFolder()))).filter(
    ({ kind }) => kind === "error",
  )) {
    const folder = await makeTestFolder();
    disk.arm(fault);
    await commit(folder).catch(() => undefined);
    const failedAt = disk.calls[fault.call];
    disk.arm(undefined);
    const left = (await real.readdir(folder)).filter((name) => name.startsWith("."));
    if (failedAt !== "rm") expect(left, JSON.stringify({ ...fault, failedAt })).toEqual([]);
  }
});
