import { open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hashConfig } from "../../storage/canonical-json.ts";
import { commitUnit } from "../../storage/commit-unit.ts";
import { readReceiptIfAny } from "../../storage/receipt.ts";
import { sha256 } from "../../storage/sha256.ts";
import { mountSmallDisk } from "./mount-small-disk.ts";

const pageBytes = 4096;
const numPages = 50;
const data = Buffer.from(Array.from({ length: numPages * pageBytes }, (_, index) => (index * 7919) >> 3));

test("a disk that is full at 51 different offsets of a unit: one line, no torn file, and free space makes it whole", async (context) => {
  const disk = await mountSmallDisk(`size=${(2 * numPages + 14) * pageBytes}`);
  if (disk === undefined) return context.skip();
  for (let freePages = 0; freePages <= numPages; freePages++) {
    const [dataPath, receiptPath] = [join(disk, `data-${freePages}`), join(disk, `receipt-${freePages}`)];
    const commit = () =>
      commitUnit({
        dataPath,
        receiptPath,
        origin: {
          ...{ stage: "sample", unit: 0, idStart: 0, idEnd: 1, createdBy: "cifar5m tests" },
          ...{ configHash: hashConfig({}), models: {} },
        },
        // Pieces that end at no page.
        write: async (sink) => {
          for (let start = 0; start < data.length; start += 5000) await sink.write(data.subarray(start, start + 5000));
          return 1;
        },
      });
    const filler = join(disk, "filler");
    await fillDisk(filler, freePages);
    const thrown = await commit().catch((error: unknown) => error);
    expect(thrown, `${freePages} pages`).toMatchObject({ name: "Cifar5mError", code: "disk/full" });
    expect((thrown as Error).message).toMatch(
      /^cannot write \S+ *: no space is left on its disk \(ENOSPC\)\. Free .*$/,
    );
    // With space for the data but not for the receipt, the data is there, whole.
    expect(await readdir(disk)).toEqual([...(freePages === numPages ? [`data-${freePages}`] : []), "filler"]);
    if (freePages === numPages) expect(sha256(await readFile(dataPath))).toBe(sha256(data));
    await rm(filler);
    await commit();
    expect((await readReceiptIfAny(receiptPath))?.sha256).toBe(sha256(await readFile(dataPath)));
    expect(sha256(await readFile(dataPath))).toBe(sha256(data));
    await rm(dataPath);
    await rm(receiptPath);
  }
});

/** Fills a disk but for some pages. */
async function fillDisk(path: string, freePages: number): Promise<void> {
  const handle = await open(path, "wx");
  let written = 0;
  try {
    for (;;) written += (await handle.write(Buffer.alloc(pageBytes))).bytesWritten;
  } catch {
    await handle.truncate(written - freePages * pageBytes);
  } finally {
    await handle.close();
  }
}
