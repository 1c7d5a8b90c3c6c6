import { join } from "node:path";
import { ByteWriter, ParquetWriter, type SchemaElement } from "hyparquet-writer";
import { imageAt } from "../../core/image-layout.ts";
import { programVersion } from "../../core/program-version.ts";
import type { SplitName } from "../../shards/format/manifest.ts";
import type { CommitSink } from "../../storage/commit.ts";
import { writeExportCard } from "../card/write-export-card.ts";
import { encodePng } from "./encode-png.ts";
import { type FileFormat, type PartInput, partName, sampleName } from "./export-format.ts";
import type { RowChunk } from "./export-rows.ts";

/**
 * Parquet as the Hugging Face Hub stores images: `image` is a struct of PNG bytes and a path, which `datasets` shows
 * and decodes as a picture; `label` and `class` are ClassLabels. pyarrow, polars and DuckDB read it as plain columns.
 */
export const parquetFormat: FileFormat = {
  partSize: 10_000,
  pathOf,
  write: writeParquet,
  describe: (written) => writeExportCard({ ...written, pathOf }),
};

function pathOf(split: SplitName, part: number): string {
  return join(split, partName(part, "parquet"));
}

const schema: SchemaElement[] = [
  { name: "root", num_children: 6 },
  { name: "id", type: "INT64", repetition_type: "OPTIONAL" },
  { name: "image", num_children: 2, repetition_type: "OPTIONAL" },
  { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
  { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
  { name: "label", type: "INT64", repetition_type: "OPTIONAL" },
  { name: "class", type: "INT64", repetition_type: "OPTIONAL" },
  { name: "confidence", type: "FLOAT", repetition_type: "OPTIONAL" },
  { name: "probabilities", converted_type: "LIST", num_children: 1, repetition_type: "OPTIONAL" },
  { name: "list", num_children: 1, repetition_type: "REPEATED" },
  { name: "element", type: "FLOAT", repetition_type: "OPTIONAL" },
];

async function writeParquet(sink: CommitSink, { classNames, rows }: PartInput): Promise<void> {
  const bytes = new ByteWriter();
  const kvMetadata = [{ key: "huggingface", value: describeFeatures(classNames) }];
  const writer = new ParquetWriter({ writer: bytes, schema, kvMetadata, createdBy: programVersion });
  const drain = async () => {
    await sink.write(bytes.getBytes());
    bytes.index = 0;
  };
  for await (const chunk of rows()) {
    await writer.write({ columnData: toColumns(chunk, classNames.length), rowGroupSize: chunk.rows });
    await drain();
  }
  await writer.finish();
  await drain();
}

function toColumns(chunk: RowChunk, numClasses: number) {
  const images = Array.from(chunk.id, (id, row) => ({
    bytes: encodePng(imageAt(chunk.image, row)),
    path: `${sampleName(id)}.png`,
  }));
  const probabilities = Array.from({ length: chunk.rows }, (_, row) =>
    Array.from(chunk.probabilities.subarray(row * numClasses, (row + 1) * numClasses)),
  );
  return [
    { name: "id", data: BigInt64Array.from(chunk.id, BigInt) },
    // PNGs are already compressed.
    { name: "image", data: images, codec: "UNCOMPRESSED" as const, statistics: false },
    { name: "label", data: BigInt64Array.from(chunk.label, BigInt) },
    { name: "class", data: BigInt64Array.from(chunk.class, BigInt) },
    { name: "confidence", data: chunk.confidence },
    { name: "probabilities", data: probabilities },
  ];
}

/** The value of metadata key `huggingface`. It must list every column and match its type exactly. */
function describeFeatures(classNames: readonly string[]): string {
  const value = (dtype: string) => ({ dtype, _type: "Value" });
  const classLabel = { names: classNames, _type: "ClassLabel" };
  const features = {
    id: value("int64"),
    image: { _type: "Image" },
    label: classLabel,
    class: classLabel,
    confidence: value("float32"),
    probabilities: { feature: value("float32"), _type: "List" },
  };
  return JSON.stringify({ info: { features } });
}
