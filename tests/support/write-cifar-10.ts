import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hwcToChw } from "../../core/image-layout.ts";
import { cifar10Files } from "../../pipeline/cifar-10/cifar-10-files.ts";

/** Writes images, train before test, in the official binary layout. Labels rotate. */
export async function writeCifar10(folder: string, images: readonly Uint8Array[], records: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [index, { name }] of cifar10Files(records).entries()) {
    const own = images.slice(index * records, (index + 1) * records);
    const parts = own.flatMap((image, record) => [Uint8Array.of(record % 10), hwcToChw(image)]);
    await writeFile(join(folder, name), Buffer.concat(parts));
  }
}
