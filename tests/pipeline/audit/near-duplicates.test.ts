import { expect, test } from "vitest";
import { findNearDuplicates, mostSimilar } from "../../../pipeline/audit/near-duplicates.ts";
import { plantCopies, plantedKinds } from "../../../pipeline/audit/planted-copies.ts";
import { buildReferenceIndex } from "../../../pipeline/audit/reference-index.ts";
import { openReferenceSearch } from "../../../pipeline/audit/reference-search.ts";
import { assignCells } from "../../../pipeline/audit/similar-codes.ts";
import { nearCopyResidual } from "../../../pipeline/audit/thresholds.ts";
import { smoothImages } from "../../support/smooth-images.ts";

const signal = new AbortController().signal;

test("planted copies are found among 6,600 images of many cells, and nothing else", async () => {
  const originals = smoothImages(6500, "within");
  const copies = await Promise.all(
    plantedKinds.map((kind) => plantCopies(Buffer.concat(originals.slice(0, 20)), kind)),
  );
  const set = Buffer.concat([...originals, ...copies]);
  const search = openReferenceSearch(await buildReferenceIndex(originals[0]!, originals[1]!), 2);
  const { codes } = await search.search(set, { signal });
  await search.close();
  const cells = await assignCells(codes, signal);
  expect(cells.length).toBe(4);
  const pairs = await findNearDuplicates({
    codes,
    cells,
    readImages: async (rows) => Buffer.concat(rows.map((row) => set.subarray(row * 3072, (row + 1) * 3072))),
    signal,
    count: () => undefined,
  });
  const found = mostSimilar(pairs);
  const planted = Array.from({ length: 100 }, (_, index) => 6500 + index);
  expect(found.map(({ row }) => row)).toEqual(planted);
  for (const { row, of, residual } of found) {
    expect((row - 6500) % 20).toBe(of < 6500 ? of : (of - 6500) % 20);
    expect(residual).toBeLessThanOrEqual(nearCopyResidual);
  }
});
