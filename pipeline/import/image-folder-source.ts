import { join } from "node:path";
import pLimit from "p-limit";
import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes, type LabeledImages } from "../../core/image-layout.ts";
import { isFolder } from "../../storage/list-folder.ts";
import { readClassNames, requireClassNames } from "./class-names.ts";
import { decodeImage } from "./decode-image.ts";
import type { ImportSource } from "./import-source.ts";
import { listNames } from "./list-names.ts";

/** Number of pictures that are decoded at once, and of rows that are passed on at once. */
const numDecoders = 4;
const picturesPerChunk = 256;

/** A picture of the source. */
interface Picture {
  readonly name: string;
  /** Its class. */
  readonly folder: string;
}

/**
 * A folder with one subfolder of PNG and JPEG files per class, or `train/` and `test/` with such subfolders. A class
 * may be empty in one of the two. Pictures are ordered by file name, then by class, so exported sets keep their order.
 * Memory holds the names, but no pictures.
 * @throws Cifar5mError `import/…`, `image/…`, `disk/…`
 */
export async function openImageFolderSource(
  path: string,
  options: { readonly resize: boolean },
): Promise<ImportSource> {
  const topFolders = await listFolders(path);
  const parts = await findParts(path, topFolders);
  const roots = parts.length === 0 ? [path] : parts.map((name) => join(path, name));
  const folders = await Promise.all(roots.map(listFolders));
  const found = [...new Set(folders.flat())].sort();
  const [train = [], test = []] = await Promise.all(roots.map((root, index) => listPictures(root, folders[index]!)));
  if (found.every((name) => partNames.includes(name.toLowerCase()))) {
    const seen = found.length === 0 ? "no folder" : `only ${found.map(shown).join(", ")}`;
    throw new Cifar5mError(
      "import/no-classes",
      `${path} must hold a folder of pictures for each class, such as cat/1.png, and holds ${seen}. Move the pictures of ` +
        "each class into a folder with its name; if these are all of one class, point --from at the folder above.",
    );
  }
  const classNames = (await readClassNames(path)) ?? requireClassNames(found, path);
  const stranger = found.find((name) => !classNames.includes(name));
  if (stranger !== undefined) {
    throw new Cifar5mError(
      "import/unknown-class",
      `${path} has a folder ${JSON.stringify(stranger)} that its class-names.txt does not name. Add it there.`,
    );
  }
  requirePictures(path, found, [...train, ...test]);
  const [trainRoot, testRoot] = roots;
  return {
    path,
    format: "image-folder",
    classNames,
    numRows: { train: train.length, test: test.length },
    async *read() {
      yield* readPictures(trainRoot!, train, classNames, options);
      if (testRoot !== undefined) yield* readPictures(testRoot, test, classNames, options);
    },
  };
}

/** Usual names of the parts of a set. */
const partNames = ["train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"];

/**
 * Finds the parts of a set that hold folders of classes: `train`, and `test` if it exists. The result is empty if all
 * folders are classes, one of which may well be named train.
 * @throws Cifar5mError `import/unknown-split` for other parts: as classes they would make a set of wrong labels
 */
async function findParts(path: string, folders: readonly string[]): Promise<string[]> {
  const named = folders.filter((name) => partNames.includes(name.toLowerCase()));
  const areParts = await Promise.all(named.map(async (name) => (await listFolders(join(path, name))).length > 0));
  const parts = named.filter((_, index) => areParts[index]);
  const [stranger] = folders.filter((name) => !parts.includes(name));
  const [misnamed] = parts.filter((name) => name !== "train" && name !== "test");
  if (parts.length === 0) return [];
  if (stranger === undefined && misnamed === undefined && parts.includes("train")) return parts.sort().reverse();
  throw new Cifar5mError(
    "import/unknown-split",
    `${path} must hold train/ and test/ and no other folder, or one folder a class, got ${parts.map(shown).join(", ")}` +
      `${stranger === undefined ? "" : ` beside ${shown(stranger)}`}. ${adviseOnParts(parts, stranger, misnamed)}`,
  );
}

function adviseOnParts(parts: readonly string[], stranger: string | undefined, misnamed: string | undefined): string {
  if (stranger !== undefined) return `Move ${shown(stranger)} away, or point --from at the folder of one part.`;
  if (misnamed === undefined) return "Rename test to train, or add train/.";
  if (/^train/i.test(misnamed)) return `Rename ${shown(misnamed)} to train.`;
  if (!parts.includes("test")) return `Rename ${shown(misnamed)} to test.`;
  return `Move ${shown(misnamed)} away, or its pictures into train/.`;
}

function shown(name: string): string {
  return JSON.stringify(name);
}

/** @throws Cifar5mError `import/empty-class` for a class without a picture in any part */
function requirePictures(path: string, classes: readonly string[], pictures: readonly Picture[]): void {
  const filled = new Set(pictures.map(({ folder }) => folder));
  const empty = classes.find((name) => !filled.has(name));
  if (empty === undefined) return;
  throw new Cifar5mError(
    "import/empty-class",
    `the folder ${JSON.stringify(empty)} of ${path} must hold pictures, and is empty. Remove the folder, or fill it.`,
  );
}

async function listFolders(path: string): Promise<string[]> {
  const names = await listNames(path);
  const areFolders = await Promise.all(names.map((name) => isFolder(join(path, name))));
  return names.filter((_, index) => areFolders[index]);
}

async function listPictures(root: string, classes: readonly string[]): Promise<Picture[]> {
  const pictures: Picture[] = [];
  for (const folder of classes) {
    const names = await listNames(join(root, folder));
    const other = names.find((name) => !isPicture(name));
    if (other !== undefined) {
      const advice = names.some(isPicture) ? "Remove it." : "Point --from at folders of pictures, or at .npz files.";
      throw new Cifar5mError(
        "import/not-a-picture",
        `${join(root, folder, other)} must be a .png, .jpg or .jpeg file, like all files of a class folder. ${advice}`,
      );
    }
    for (const name of names) pictures.push({ name, folder });
  }
  const keyOf = (picture: Picture) => `${picture.name}\0${picture.folder}`;
  return pictures.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

export function isPicture(name: string): boolean {
  return /\.(png|jpe?g)$/i.test(name);
}

async function* readPictures(
  root: string,
  pictures: readonly Picture[],
  classNames: readonly string[],
  options: { readonly resize: boolean },
): AsyncGenerator<LabeledImages> {
  const limit = pLimit(numDecoders);
  for (let start = 0; start < pictures.length; start += picturesPerChunk) {
    const chunk = pictures.slice(start, start + picturesPerChunk);
    const images = new Uint8Array(chunk.length * imageBytes);
    await limit.map(chunk, async ({ name, folder }, row) => {
      images.set(await decodeImage(join(root, folder, name), options), row * imageBytes);
    });
    yield { images, labels: Uint8Array.from(chunk, ({ folder }) => classNames.indexOf(folder)) };
  }
}
