import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { canonicalJson, hashConfig, sealJson, unsealJson } from "../../storage/canonical-json.ts";
import { commitUnit } from "../../storage/commit-unit.ts";
import { isUnitDone, type Receipt, readReceipt, writeReceipt } from "../../storage/receipt.ts";
import { sha256 } from "../../storage/sha256.ts";
import { errorOf } from "../support/expect-error.ts";
import { makeTestFolder } from "../support/make-rows.ts";

const origin = {
  stage: "sample",
  unit: 3,
  idStart: 30_000,
  idEnd: 40_000,
  configHash: hashConfig({ seed: 1 }),
  models: { generator: sha256("weights") },
  createdBy: "cifar5m 0.1.0",
};
const receipt: Receipt = {
  version: 1,
  ...origin,
  rows: 10_000,
  bytes: 31_000_000,
  sha256: sha256("data"),
  file: "unit-00003.arrow",
};

test("a receipt that is read equals the one written, and equal receipts have equal bytes", async () => {
  const folder = await makeTestFolder();
  await writeReceipt(join(folder, "one.json"), receipt);
  await writeReceipt(join(folder, "two.json"), Object.fromEntries(Object.entries(receipt).reverse()) as Receipt);
  expect(await readReceipt(join(folder, "one.json"))).toEqual(receipt);
  expect(await readFile(join(folder, "one.json"), "utf8")).toBe(await readFile(join(folder, "two.json"), "utf8"));
});

test("a unit is done when its receipt exists, whatever data files there are", async () => {
  const folder = await makeTestFolder();
  const path = join(folder, "unit-00003.json");
  await writeFile(join(folder, "unit-00003.arrow"), "data");
  expect(await isUnitDone(path, origin)).toBe(false);
  await writeReceipt(path, receipt);
  expect(await isUnitDone(path, origin)).toBe(true);
  expect(await isUnitDone(path, { configHash: origin.configHash })).toBe(true);
});

test("a receipt of another config or model is refused with advice", async () => {
  const path = join(await makeTestFolder(), "unit-00003.json");
  await writeReceipt(path, receipt);
  await expect(isUnitDone(path, { configHash: hashConfig({ seed: 2 }) })).rejects.toMatchObject({
    code: "unit/config-changed",
    message: expect.stringMatching(/unit-00003\.json was made with config .* new run folder\.$/),
  });
  const models = { generator: sha256("other weights") };
  await expect(isUnitDone(path, { ...origin, models })).rejects.toThrow(/made with model generator/);
});

test("every flipped bit of a receipt is caught", async () => {
  const path = join(await makeTestFolder(), "unit.json");
  await writeReceipt(path, receipt);
  const bytes = await readFile(path);
  for (let index = 0; index < bytes.length; index++) {
    const flipped = Buffer.from(bytes);
    flipped[index] = bytes[index]! ^ (1 << (index % 8));
    await writeFile(path, flipped);
    await expect(readReceipt(path), `byte ${index}`).rejects.toMatchObject({ name: "Cifar5mError" });
  }
});

test("a missing, truncated or future receipt is refused by name", async () => {
  const path = join(await makeTestFolder(), "unit.json");
  await expect(readReceipt(path)).rejects.toMatchObject({ code: "receipt/missing" });
  await writeFile(path, '{"version": 1, "stage": "sam');
  await expect(readReceipt(path)).rejects.toMatchObject({ code: "json/corrupt" });
  const future = { ...receipt, version: 2 };
  await writeFile(path, sealJson(future));
  await expect(readReceipt(path)).rejects.toMatchObject({ code: "receipt/version-unsupported" });
});

test("a unit commits its data, then its receipt; a second call keeps both without writing", async () => {
  const folder = await makeTestFolder();
  const paths = { dataPath: join(folder, "data", "unit.arrow"), receiptPath: join(folder, "receipts", "unit.json") };
  const write = async (sink: { write(text: string): Promise<void> }) => {
    await sink.write("rows");
    return 4;
  };
  const first = await commitUnit({ ...paths, origin, write });
  expect(first.outcome).toBe("committed");
  expect(first.receipt).toMatchObject({ rows: 4, bytes: 4, sha256: sha256("rows"), file: "../data/unit.arrow" });
  const again = await commitUnit({ ...paths, origin, write: () => expect.unreachable("nothing is to be written") });
  expect(again).toEqual({ receipt: first.receipt, outcome: "kept-existing" });
  const other = { ...origin, configHash: hashConfig({ seed: 2 }) };
  await expect(commitUnit({ ...paths, origin: other, write })).rejects.toMatchObject({ code: "unit/config-changed" });
});

test("a data file that a crash left without receipt is adopted if it has the same bytes, else replaced", async () => {
  const folder = await makeTestFolder();
  for (const orphan of ["rows", "rows of another config"]) {
    const dataPath = join(folder, `${orphan}.arrow`);
    await writeFile(dataPath, orphan);
    const { receipt: written } = await commitUnit({
      dataPath,
      receiptPath: join(folder, `${orphan}.json`),
      origin,
      write: async (sink) => {
        await sink.write("rows");
        return 1;
      },
    });
    expect(sha256(await readFile(dataPath))).toBe(written.sha256);
  }
});

test("JSON nested 200,000 deep is refused by the name of its file", async () => {
  const path = join(await makeTestFolder(), "deep.json");
  await writeFile(path, `{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`);
  await expect(readReceipt(path)).rejects.toMatchObject({
    code: "json/corrupt",
    message: expect.stringMatching(/deep\.json must be JSON, and is not/),
  });
});

test("a file with a number that is not finite is named as damaged", async () => {
  expect((await errorOf(() => unsealJson('{ "count": 1e999 }', "a.json"), "json/corrupt")).message).toMatch(
    /^a\.json must hold finite numbers, and does not\. It is damaged or was edited by hand: /,
  );
  expect((await errorOf(() => hashConfig({ count: 1 / 0 }), "json/not-representable")).message).toBe(
    "value.count must be a finite number, string, boolean, null, array or object, got Infinity. Convert it first.",
  );
});

test("canonical JSON does not depend on key order and refuses what JSON cannot hold", () => {
  expect(hashConfig({ b: [1, { d: 2, c: undefined }], a: null })).toBe(hashConfig({ a: null, b: [1, { d: 2 }] }));
  expect(canonicalJson({ b: 1, a: [true, "x"] })).toBe('{"a":[true,"x"],"b":1}');
  expect(() => canonicalJson({ a: { b: Number.NaN } })).toThrow(/value\.a\.b must be a finite number.*NaN/);
  expect(() => canonicalJson({ a: 1n })).toThrow(/value\.a/);
});
