import { join } from "node:path";
import { Readable } from "node:stream";
import { ZipFile } from "yazl";
import { imageBytes } from "../../core/image-layout.ts";
import type { CommitSink } from "../../storage/commit.ts";
import { npyHeader } from "../import/npy-header.ts";
import type { FileFormat, PartInput } from "./export-format.ts";

/** Number of images in a part of the original CIFAR-5m. */
const originalPartRows = 1_000_448;

/** The layout of CIFAR-5m: `X` uint8, shape [N, 32, 32, 3]; `Y` int64, shape [N]; stored, zip64 where needed. */
export const npzFormat: FileFormat = {
  partSize: originalPartRows,
  pathOf: (split, part) => join(split, `part${part}.npz`),
  write: writeNpz,
};

async function writeNpz(sink: CommitSink, { numRows, rows }: PartInput): Promise<void> {
  const labels = new BigInt64Array(numRows);
  const xHeader = npyHeader("|u1", [numRows, 32, 32, 3]);
  const yHeader = npyHeader("<i8", [numRows]);
  async function* images() {
    yield xHeader;
    let row = 0;
    for await (const { image, label } of rows()) {
      for (const value of label) labels[row++] = BigInt(value);
      yield image;
    }
  }
  function* labelBytes() {
    yield yHeader;
    yield new Uint8Array(labels.buffer);
  }
  const zip = new ZipFile();
  // Zip files hold local times. This is the same clock reading in every time zone, so equal sets give equal bytes.
  const mtime = new Date(2000, 0, 1);
  const add = (name: string, size: number, open: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => {
    const options = { size, mtime, forceDosTimestamp: true, compress: false, mode: 0o100644 };
    zip.addReadStreamLazy(name, options, (done) => {
      const stream = Readable.from(open(), { objectMode: false });
      // yazl ignores the errors of streams that it is given.
      stream.on("error", (error) => zip.emit("error", error));
      done(null, stream);
    });
  };
  const output = zip.outputStream as Readable;
  zip.on("error", (error: Error) => output.destroy(error));
  // The labels are known after the images have passed.
  add("X.npy", xHeader.length + numRows * imageBytes, images);
  add("Y.npy", yHeader.length + labels.byteLength, labelBytes);
  zip.end();
  for await (const chunk of output) await sink.write(chunk as Uint8Array);
}
