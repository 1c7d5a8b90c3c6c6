import { basename, dirname, join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { cifar10ClassNames } from "../../core/image-layout.ts";
import { isFolder } from "../../storage/list-folder.ts";
import { readClassNames } from "./class-names.ts";
import type { ImportSource } from "./import-source.ts";
import { listNames } from "./list-names.ts";
import { countNpzRows, readNpz } from "./read-npz.ts";

/** Number of parts of the original CIFAR-5m. The last one is its test set. */
const originalParts = 6;

/**
 * An .npz, a folder of them, or a folder with `train/` and `test/`. In the original CIFAR-5m, part0.npz to part5.npz,
 * parts 0 to 4 are train and part 5 is test. In other sets without `test/`, all images are train.
 * @throws Cifar5mError `npz/…`, `import/…`, `disk/…`
 */
export async function openNpzSource(path: string): Promise<ImportSource> {
  const isSingle = !(await isFolder(path));
  const splits = isSingle ? { train: [path], test: [] } : await findParts(path);
  const classNames = (await readClassNames(isSingle ? dirname(path) : path)) ?? cifar10ClassNames;
  const count = async (parts: readonly string[]) => {
    let rows = 0;
    for (const part of parts) rows += await countNpzRows(part);
    return rows;
  };
  return {
    path,
    format: "npz",
    classNames,
    numRows: { train: await count(splits.train), test: await count(splits.test) },
    async *read() {
      for (const part of [...splits.train, ...splits.test]) yield* readNpz(part, classNames);
    },
  };
}

/** Whether a file name has the extension of an .npz. */
export function isNpz(name: string): boolean {
  return /\.npz$/i.test(name);
}

/** Whether a folder holds .npz files where `openNpzSource` looks for them. */
export async function holdsNpz(folder: string): Promise<boolean> {
  return (await listParts(folder)).length > 0 || (await listParts(join(folder, "train"))).length > 0;
}

async function findParts(folder: string): Promise<{ readonly train: string[]; readonly test: string[] }> {
  const parts = await listParts(folder);
  if (parts.length === 0) {
    const [train, test] = await Promise.all(["train", "test"].map((split) => listParts(join(folder, split))));
    if (train === undefined || test === undefined || train.length === 0) {
      throw new Cifar5mError("import/no-npz", `${folder} must hold .npz files, and does not. Point --from at them.`);
    }
    return { train, test };
  }
  const isOriginal =
    parts.length === originalParts && parts.every((part, index) => basename(part) === `part${index}.npz`);
  return isOriginal ? { train: parts.slice(0, -1), test: parts.slice(-1) } : { train: parts, test: [] };
}

/** The .npz files of a folder, in the order of the numbers in their names. */
async function listParts(folder: string): Promise<string[]> {
  const names = (await listNames(folder)).filter(isNpz);
  const numberOf = (name: string) => Number(/(\d+)\.npz$/i.exec(name)?.[1] ?? -1);
  // The names are sorted and sorting is stable, so names with equal numbers stay in order.
  return names.sort((a, b) => numberOf(a) - numberOf(b)).map((name) => join(folder, name));
}
