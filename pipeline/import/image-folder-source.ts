import { join } from "node:path";
import pLimit from "p-limit";
import { BuilderError } from "../../core/errors.ts";
import { imageBytes } from "../../core/image-layout.ts";
import type { CifarImages } from "../read-cifar-10.ts";
import { checkClassNames, readClassNames } from "./class-names.ts";
import { decodeImage } from "./decode-image.ts";
import type { ImportSource } from "./import-source.ts";
import { isFolder, listNames } from "./list-names.ts";

/** Pictures decoded at once, and rows handed on at a time. */
const numDecoders = 4;
const picturesPerChunk = 256;

/** A picture of the source. */
interface Picture {
  readonly name: string;
  /** Its class. */
  readonly folder: string;
}

/**
 * A folder with one subfolder of PNG and JPEG files a class, or `train/` and `test/` with such subfolders. Pictures are
 * ordered by file name, then by class, so that exported sets keep their order. Memory holds names, no pictures.
 * @throws BuilderError `import/…`, `image/…`, `disk/…`
 */
export async function openImageFolderSource(
  path: string,
  options: { readonly resize: boolean },
): Promise<ImportSource> {
  const topFolders = await listFolders(path);
  const isSplit = topFolders.includes("train") && topFolders.every((name) => name === "train" || name === "test");
  const roots = isSplit
    ? topFolders
        .sort()
        .reverse()
        .map((name) => join(path, name))
    : [path];
  const folders = await Promise.all(roots.map(listFolders));
  const found = [...new Set(folders.flat())].sort();
  if (found.length === 0) {
    throw new BuilderError(
      "import/no-classes",
      `${path} must hold one folder of pictures a class, and holds no folder. Point --from at the folder above them.`,
    );
  }
  const classNames = (await readClassNames(path)) ?? checkClassNames(found, path);
  const stranger = found.find((name) => !classNames.includes(name));
  if (stranger !== undefined) {
    throw new BuilderError(
      "import/unknown-class",
      `${path} has a folder ${JSON.stringify(stranger)} that its class-names.txt does not name. Add it there.`,
    );
  }
  const [train = [], test = []] = await Promise.all(roots.map((root, index) => listPictures(root, folders[index]!)));
  const [trainRoot, testRoot] = roots;
  return {
    format: "image-folder",
    classNames,
    numRows: { train: train.length, test: test.length },
    async *read() {
      yield* readPictures(trainRoot!, train, classNames, options);
      if (testRoot !== undefined) yield* readPictures(testRoot, test, classNames, options);
    },
  };
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
    const other = names.find((name) => !/\.(png|jpe?g)$/i.test(name));
    if (other !== undefined) {
      throw new BuilderError(
        "import/not-a-picture",
        `${join(root, folder, other)} must be a .png, .jpg or .jpeg file, as all in a class folder. Take it away.`,
      );
    }
    if (names.length === 0) {
      throw new BuilderError(
        "import/empty-class",
        `${join(root, folder)} must hold pictures, and is empty. Remove the folder, or fill it.`,
      );
    }
    for (const name of names) pictures.push({ name, folder });
  }
  const keyOf = (picture: Picture) => `${picture.name}\0${picture.folder}`;
  return pictures.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

async function* readPictures(
  root: string,
  pictures: readonly Picture[],
  classNames: readonly string[],
  options: { readonly resize: boolean },
): AsyncGenerator<CifarImages> {
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
