import { join } from "node:path";
import { Header } from "tar";
import { imageAt } from "../../core/image-layout.ts";
import { canonicalJson } from "../../storage/canonical-json.ts";
import type { CommitSink } from "../../storage/commit.ts";
import { encodePng } from "./encode-png.ts";
import { type FileFormat, type PartInput, partName, sampleName } from "./export-format.ts";
import type { RowChunk } from "./export-rows.ts";

/** Bytes of a tar block. Headers and contents start at multiples of it. */
const blockBytes = 512;
/** Bytes of a tar record. A tar ends with two empty blocks, and is padded to a whole record. */
const recordBytes = 20 * blockBytes;

/**
 * WebDataset: a tar with `ID.png`, `ID.cls` (the label) and `ID.json` (all other columns) of each sample in sequence.
 * Times and owners are zero, so equal sets give equal bytes.
 */
export const webdatasetFormat: FileFormat = {
  partSize: 10_000,
  pathOf: (split, part) => join(split, partName(part, "tar")),
  write: writeWebdataset,
};

async function writeWebdataset(sink: CommitSink, { classNames, rows }: PartInput): Promise<void> {
  for await (const chunk of rows()) {
    const pieces: Uint8Array[] = [];
    for (let row = 0; row < chunk.rows; row++) {
      const name = sampleName(chunk.id[row]!);
      const png = encodePng(imageAt(chunk.image, row));
      pieces.push(...member(`${name}.png`, png));
      pieces.push(...member(`${name}.cls`, Buffer.from(String(chunk.label[row]))));
      pieces.push(...member(`${name}.json`, Buffer.from(canonicalJson(describe(chunk, row, classNames)))));
    }
    await sink.write(Buffer.concat(pieces));
  }
  const trailer = recordBytes - (sink.bytes % recordBytes);
  await sink.write(new Uint8Array(trailer < 2 * blockBytes ? trailer + recordBytes : trailer));
}

function describe(chunk: RowChunk, row: number, classNames: readonly string[]) {
  const { length } = classNames;
  return {
    id: chunk.id[row],
    label: chunk.label[row],
    className: classNames[chunk.label[row]!],
    class: chunk.class[row],
    confidence: chunk.confidence[row],
    probabilities: [...chunk.probabilities.subarray(row * length, (row + 1) * length)],
  };
}

/** The header, the contents and the padding of a member. */
function member(path: string, contents: Uint8Array): Uint8Array[] {
  const header = new Header({
    path,
    size: contents.length,
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: "",
    gname: "",
    mtime: new Date(0),
    type: "File",
  });
  const block = Buffer.alloc(blockBytes);
  header.encode(block);
  return [block, contents, new Uint8Array((blockBytes - (contents.length % blockBytes)) % blockBytes)];
}
