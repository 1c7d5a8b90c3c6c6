import { AsyncLocalStorage } from "node:async_hooks";
import fc from "fast-check";
import { expect, test } from "vitest";
import { commitBytes, replaceBytes } from "../../storage/commit.ts";
import { commitUnit } from "../../storage/commit-unit.ts";
import { readFileFactsIfAny, removeFile } from "../../storage/file-facts.ts";
import { hashFile } from "../../storage/hash-file.ts";
import { joinPath } from "../../storage/join-path.ts";
import { listFolder } from "../../storage/list-folder.ts";
import { fileExists, readFileIfAny, readWholeFile } from "../../storage/read-file.ts";
import { readReceipt, type UnitOrigin } from "../../storage/receipt.ts";
import { sha256 } from "../../storage/sha256.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import { errorOf } from "../support/expect-error.ts";
import { type MemoryBucket, mountMemoryBucket } from "../support/memory-bucket.ts";

const origin: UnitOrigin = {
  ...{ stage: "sample", unit: 0, idStart: 0, idEnd: 2, createdBy: "cifar5m 0.1.0" },
  ...{ configHash: "a".repeat(64), models: { generator: "b".repeat(64) } },
};

function unitIn({ root }: MemoryBucket, text: string, made: Partial<UnitOrigin> = {}) {
  let numWrites = 0;
  const options = {
    dataPath: joinPath(root, "samples", "train-00000.u8"),
    receiptPath: joinPath(root, "receipts", "sample", "train-00000.json"),
    origin: { ...origin, ...made },
    write: async (sink: { write(data: string): Promise<void> }) => {
      numWrites++;
      await sink.write(text);
      return 2;
    },
  };
  return { options, numWrites: () => numWrites };
}

test("files of storage are objects where a bucket is mounted, and nothing appears on this machine", async () => {
  const { root } = mountMemoryBucket();
  const path = joinPath(root, "run.json");
  expect([await fileExists(path), await readFileIfAny(path), await listFolder(root)]).toEqual([false, undefined, []]);
  await errorOf(() => readWholeFile(path), "disk/missing");
  expect(await readFileFactsIfAny(path)).toBeUndefined();
  expect((await commitBytes(path, "first")).outcome).toBe("committed");
  expect((await commitBytes(path, "second")).outcome).toBe("kept-existing");
  expect(Buffer.from(await readWholeFile(path)).toString()).toBe("first");
  await replaceBytes(path, "third");
  expect(await hashFile(path)).toEqual({ sha256: sha256("third"), bytes: 5 });
  await commitBytes(joinPath(root, "receipts/label/train-00000.json"), "");
  expect((await listFolder(root)).sort()).toEqual(["receipts", "run.json"]);
  expect(await removeStaleTemporaries(root)).toEqual([]);
  await removeFile(path);
  expect(await fileExists(path)).toBe(false);
  await errorOf(() => readWholeFile("s3:/memory-0"), "disk/missing");
});

test("a unit whose worker was killed before its receipt is neither made nor sent again", async () => {
  const bucket = mountMemoryBucket();
  const killed = unitIn(bucket, "images");
  bucket.around = async (name, when) => {
    if (name.startsWith("receipts/") && when === "before" && bucket.objects.size > 0) throw new Error("killed");
  };
  await expect(commitUnit(killed.options)).rejects.toThrow("killed");
  expect([...bucket.objects.keys()]).toEqual(["samples/train-00000.u8"]);
  bucket.around = async () => undefined;
  const next = unitIn(bucket, "other images", { createdBy: "cifar5m 9.9.9" });
  const { receipt, outcome } = await commitUnit(next.options);
  expect([outcome, next.numWrites(), receipt.sha256]).toEqual(["kept-existing", 0, sha256("images")]);
  expect(await readReceipt(next.options.receiptPath)).toEqual(receipt);
  expect(receipt.createdBy).toBe("cifar5m 0.1.0");
  expect(bucket.numWrites.get("samples/train-00000.u8")).toBe(1);
});

test("data of another origin without a receipt is replaced, and of a finished unit refused", async () => {
  const bucket = mountMemoryBucket();
  const { dataPath, receiptPath } = unitIn(bucket, "").options;
  for (const note of [undefined, "no JSON", JSON.stringify({ version: 1 })]) {
    bucket.objects.clear();
    bucket.objects.set("samples/train-00000.u8", { data: Buffer.from("from elsewhere"), note });
    expect((await commitUnit(unitIn(bucket, "images").options)).outcome).toBe("committed");
    expect((await hashFile(dataPath)).sha256).toBe((await readReceipt(receiptPath)).sha256);
  }
  await removeFile(receiptPath);
  const another = unitIn(bucket, "of another configuration", { configHash: "c".repeat(64) });
  expect((await commitUnit(another.options)).receipt.sha256).toBe(sha256("of another configuration"));
  await errorOf(() => commitUnit(unitIn(bucket, "images").options), "unit/config-changed");
});

test("a write whose reply was lost counts as one's own", async () => {
  const [bucket, arrived] = [mountMemoryBucket(), mountMemoryBucket()];
  await commitUnit(unitIn(arrived, "images").options);
  // The first try arrives as the third request of the data, and is repeated.
  let numRequests = 0;
  bucket.around = async (name, when) => {
    const isRepeat = name.startsWith("samples/") && when === "before" && ++numRequests === 3;
    if (isRepeat) bucket.objects.set(name, arrived.objects.get(name)!);
  };
  expect((await commitUnit(unitIn(bucket, "images").options)).outcome).toBe("committed");
  expect(bucket.numWrites.has("samples/train-00000.u8")).toBe(false);
});

test("however workers with unlike bytes interleave and die, data is written once, and its receipt is of that data", async () => {
  const death = fc.record({ request: fc.nat(9), when: fc.constantFrom("before", "after") });
  const workers = fc.array(fc.option(death, { nil: undefined }), { minLength: 2, maxLength: 5 });
  let [numDeaths, numAdopted] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), workers, async (scheduler, deaths) => {
      const bucket = mountMemoryBucket();
      const current = new AsyncLocalStorage<{ numRequests: number; death: (typeof deaths)[number] }>();
      bucket.around = async (_, when) => {
        const worker = current.getStore();
        if (worker === undefined) return;
        await scheduler.schedule(Promise.resolve());
        if (worker.death?.request === worker.numRequests && worker.death.when === when) throw new Error("killed");
        if (when === "after") worker.numRequests++;
      };
      const ended = Promise.allSettled(
        deaths.map((death, index) => {
          const { options } = unitIn(bucket, `bytes of worker ${index}`);
          return current.run({ numRequests: 0, death }, () => commitUnit(options));
        }),
      );
      const outcomes = await scheduler.waitFor(ended);
      numDeaths += outcomes.filter(({ status }) => status === "rejected").length;
      const last = unitIn(bucket, "bytes of the last");
      await commitUnit(last.options);
      if (last.numWrites() === 0) numAdopted++;
      const { options } = last;
      const receipt = await readReceipt(options.receiptPath);
      expect(receipt.sha256).toBe((await hashFile(options.dataPath)).sha256);
      for (const outcome of outcomes) {
        if (outcome.status === "fulfilled") expect(outcome.value.receipt).toEqual(receipt);
      }
      expect([...bucket.numWrites.values()]).toEqual([1, 1]);
    }),
    { numRuns: 50 },
  );
  expect(Math.min(numDeaths, numAdopted)).toBeGreaterThan(0);
});
