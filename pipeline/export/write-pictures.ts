import { stat } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";
import { imageAt } from "../../core/image-layout.ts";
import { type CommitSink, replaceBytes, replaceFile } from "../../storage/commit.ts";
import { readWholeFile } from "../../storage/read-file.ts";
import { encodePng } from "./encode-png.ts";
import { type FileFormat, type PartInput, partName, sampleName } from "./export-format.ts";

/** Number of pictures that are written at once. */
const numWriters = 8;
const columns = "file,label,class_name,id,class,confidence\n";

/**
 * A folder of PNGs by class, `CLASS/ID.png`, and a labels.csv beside the classes. A part is a range of pictures with
 * its lines of labels.csv, which are joined at the end. A spreadsheet would run some class names as a formula. In
 * labels.csv these names start with an apostrophe, and their paths with `./`.
 */
export const picturesFormat: FileFormat = {
  partSize: 10_000,
  pathOf: (split, part) => join(".labels", split, partName(part, "csv")),
  write: writePictures,
  isIntact: async (folder, path) => {
    const limit = pLimit(numWriters);
    const lines = (await readWholeFile(path)).toString("utf8").split("\n");
    const sizes = await limit.map(
      lines.filter((line) => line !== ""),
      async (line) => {
        const info = await stat(join(folder, fileOf(line))).catch(() => undefined);
        return info?.size ?? 0;
      },
    );
    return sizes.every((size) => size > 0);
  },
  finish: async (folder, paths) => {
    await replaceFile(join(folder, "labels.csv"), async (sink) => {
      await sink.write(columns);
      for (const path of paths) await sink.write(await readWholeFile(path));
    });
  },
};

async function writePictures(sink: CommitSink, { folder, classNames, rows }: PartInput): Promise<void> {
  const limit = pLimit(numWriters);
  for await (const chunk of rows()) {
    const lines = await limit.map(Array.from(chunk.id), async (id, row) => {
      const label = chunk.label[row]!;
      const className = classNames[label]!;
      const file = `${className}/${sampleName(id)}.png`;
      const png = encodePng(imageAt(chunk.image, row));
      await replaceBytes(join(folder, file), png);
      return `${quote(guardPath(file))},${label},${quote(guard(className))},${id},${chunk.class[row]},${chunk.confidence[row]}\n`;
    });
    await sink.write(lines.join(""));
  }
}

/** Spreadsheets run a cell that starts with one of these as a formula. */
const isFormula = /^[=+\-@]/;

function guard(text: string): string {
  return isFormula.test(text) ? `'${text}` : text;
}

/** The result is still a path. */
function guardPath(path: string): string {
  return isFormula.test(path) ? `./${path}` : path;
}

/** Quotes a class name. Class names hold no quotation marks. */
function quote(text: string): string {
  return text.includes(",") ? `"${text}"` : text;
}

function fileOf(line: string): string {
  return line.startsWith('"') ? line.slice(1, line.indexOf('"', 1)) : line.slice(0, line.indexOf(","));
}
