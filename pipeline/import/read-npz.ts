import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes, type LabeledImages } from "../../core/image-layout.ts";
import { chunkRows } from "./import-source.ts";
import { type NpyHeader, readNpyHeader } from "./npy-header.ts";
import { adviseOnImages, adviseOnLabels } from "./npz-advice.ts";
import { type NpzArchive, type NpzMember, openNpz } from "./open-npz.ts";

/** Number of images of an .npz, according to its headers. @throws as `readNpz` */
export async function countNpzRows(path: string): Promise<number> {
  return await withArrays(path, async ({ numRows }) => numRows);
}

/**
 * Reads images and labels of an .npz in the layout of CIFAR-5m: `X` uint8, shape [N, 32, 32, 3]; `Y` integers, shape
 * [N]. Both are streamed side by side, so memory does not depend on N.
 * @throws Cifar5mError `npz/…` for anything else; `disk/…`
 */
export async function* readNpz(path: string, classNames: readonly string[]): AsyncGenerator<LabeledImages> {
  const archive = await openNpz(path);
  try {
    const { x, y, numRows, label } = await openArrays(archive);
    for (let row = 0; row < numRows; row += chunkRows) {
      const rows = Math.min(chunkRows, numRows - row);
      const images = await x.reader.read(rows * imageBytes);
      const values = Buffer.from(await y.reader.read(rows * label.bytes));
      const labels = new Uint8Array(rows);
      for (let index = 0; index < rows; index++) {
        const value = label.read(values, index * label.bytes);
        if (value < 0 || value >= classNames.length) throw badLabel(y.name, row + index, value, classNames);
        labels[index] = Number(value);
      }
      yield { images, labels };
    }
    await x.finish();
    await y.finish();
  } finally {
    archive.close();
  }
}

/** How to read one integer of Y. */
interface LabelType {
  readonly bytes: number;
  read(values: Buffer, position: number): number | bigint;
}

const labelTypes: Readonly<Record<string, LabelType>> = {
  "|u1": { bytes: 1, read: (values, position) => values.readUInt8(position) },
  "|i1": { bytes: 1, read: (values, position) => values.readInt8(position) },
  "<u2": { bytes: 2, read: (values, position) => values.readUInt16LE(position) },
  "<i2": { bytes: 2, read: (values, position) => values.readInt16LE(position) },
  "<u4": { bytes: 4, read: (values, position) => values.readUInt32LE(position) },
  "<i4": { bytes: 4, read: (values, position) => values.readInt32LE(position) },
  "<u8": { bytes: 8, read: (values, position) => values.readBigUInt64LE(position) },
  "<i8": { bytes: 8, read: (values, position) => values.readBigInt64LE(position) },
};

interface Arrays {
  readonly x: NpzMember;
  readonly y: NpzMember;
  readonly numRows: number;
  readonly label: LabelType;
}

async function withArrays<Result>(path: string, use: (arrays: Arrays) => Promise<Result>): Promise<Result> {
  const archive = await openNpz(path);
  try {
    return await use(await openArrays(archive));
  } finally {
    archive.close();
  }
}

async function openArrays(archive: NpzArchive): Promise<Arrays> {
  const x = await archive.openMember("X.npy");
  const y = await archive.openMember("Y.npy");
  const xHeader = await readNpyHeader(x.reader, x.name);
  const yHeader = await readNpyHeader(y.reader, y.name);
  const [numRows = 0, ...imageShape] = xHeader.shape;
  const wrongX = (what: "shape" | "dtype", rule: string) => wrong(what, x.name, rule, xHeader, adviseOnImages(xHeader));
  const wrongY = (what: "shape" | "dtype", rule: string) =>
    wrong(what, y.name, rule, yHeader, adviseOnLabels(yHeader, numRows));
  if (imageShape.join() !== "32,32,3") throw wrongX("shape", "(N, 32, 32, 3)");
  if (xHeader.descr !== "|u1") throw wrongX("dtype", "uint8 (|u1)");
  if (yHeader.shape.join() !== String(numRows)) throw wrongY("shape", `(${numRows},)`);
  const label = labelTypes[yHeader.descr];
  if (label === undefined) throw wrongY("dtype", `integers (${Object.keys(labelTypes).join(", ")})`);
  requireSize(x, xHeader.headerBytes + numRows * imageBytes);
  requireSize(y, yHeader.headerBytes + numRows * label.bytes);
  return { x, y, numRows, label };
}

/** Refuses a header that promises more or fewer bytes than the archive holds. */
function requireSize(member: NpzMember, expected: number): void {
  if (member.bytes === expected) return;
  throw new Cifar5mError(
    "npz/wrong-size",
    `${member.name} must be ${expected} bytes by its shape, the archive says ${member.bytes}. Get the file again.`,
  );
}

function wrong(
  what: "shape" | "dtype",
  name: string,
  rule: string,
  { descr, shape }: NpyHeader,
  advice: string,
): Cifar5mError {
  const seen =
    what === "dtype"
      ? JSON.stringify(descr.slice(0, 40))
      : `(${shape.slice(0, 8).join(", ")}${shape.length === 1 ? "," : ""})`;
  const must = what === "dtype" ? "hold" : "have shape";
  return new Cifar5mError(`npz/wrong-${what}`, `${name} must ${must} ${rule}, got ${seen}. ${advice}`);
}

function badLabel(name: string, row: number, value: number | bigint, classNames: readonly string[]): Cifar5mError {
  return new Cifar5mError(
    "npz/label-out-of-range",
    `${name} row ${row}: a label must lie in [0, ${classNames.length - 1}], got ${value}. ` +
      "If labels count from 1, save Y - 1; if there are other classes than those of CIFAR-10, put a class-names.txt beside the file, one name a line.",
  );
}
