import { Cifar5mError } from "../../core/errors.ts";
import { isFolder } from "../../storage/list-folder.ts";
import { findCifarFormat, openCifarSource } from "./cifar-source.ts";
import { isPicture, openImageFolderSource } from "./image-folder-source.ts";
import { type ImportFormat, type ImportSource, importFormats } from "./import-source.ts";
import { listNames } from "./list-names.ts";
import { holdsNpz, isNpz, openNpzSource } from "./npz-source.ts";

/** What to import. */
export interface SourceOptions {
  /** A file or folder. */
  readonly path: string;
  /** Format; by default it is detected from the files at the path. */
  readonly format?: ImportFormat | undefined;
  /** Number of images in each file of CIFAR-10; a fifth of those in CIFAR-100's train.bin. */
  readonly recordsPerFile: number;
  /** Whether pictures of an image folder are scaled to 32×32. */
  readonly resize: boolean;
}

/**
 * Opens a set made elsewhere, after a check of its names and headers.
 * @throws Cifar5mError `import/unknown-source`, `import/…`, `npz/…`, `image/…`, `archive/…`, `disk/…`
 */
export async function openImportSource(options: SourceOptions): Promise<ImportSource> {
  const { path, recordsPerFile, resize } = options;
  const format = options.format ?? (await findFormat(path));
  if (resize && format !== "image-folder") {
    throw new Cifar5mError("usage/nothing-to-resize", "--resize is for image folders only. Leave it out.");
  }
  switch (format) {
    case "npz":
      return await openNpzSource(path);
    case "image-folder":
      return await openImageFolderSource(path, { resize });
    case "cifar":
      return await openCifarSource({ path, recordsPerFile });
    default:
      return await openCifarSource({ path, format, recordsPerFile });
  }
}

/** Detects the format. `cifar` means an archive, whose format only reading it tells. */
async function findFormat(path: string): Promise<ImportFormat | "cifar"> {
  if (await isFolder(path)) {
    if (await holdsNpz(path)) return "npz";
    const cifar = await findCifarFormat(path);
    if (cifar !== undefined) return cifar;
    for (const name of await listNames(path)) {
      if (isPicture(name) || (await isFolder(`${path}/${name}`))) return "image-folder";
    }
  } else {
    if (isNpz(path)) return "npz";
    if (/\.(tar\.gz|tgz)$/i.test(path)) return "cifar";
  }
  throw new Cifar5mError(
    "import/unknown-source",
    `${path} must be .npz files, CIFAR-10 or CIFAR-100 in the binary or the Python version, or a folder of pictures by class, but looks ` +
      `like none of them. Name what it is with --format ${importFormats.join(" | ")}.`,
  );
}
