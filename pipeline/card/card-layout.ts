import { type Manifest, type SplitName, splitNames } from "../../shards/format/manifest.ts";

/** The files that a card describes: the shards of a data set, or the parts of its Parquet export. */
export interface CardLayout {
  readonly format: "arrow" | "parquet";
  /** The splits that have files, train before test. */
  readonly splits: readonly SplitLayout[];
  readonly hasPicture: boolean;
}

export interface SplitLayout {
  readonly name: SplitName;
  readonly rows: number;
  readonly bytes: number;
  /** Relative to the card: one pattern, or a list of files. */
  readonly files: readonly string[];
}

/** The layout of the shards themselves. */
export function shardLayout({ splits }: Manifest): CardLayout {
  return {
    format: "arrow",
    hasPicture: true,
    splits: splitNames.flatMap((name) => {
      const { rows, shards } = splits[name];
      const bytes = shards.reduce((sum, shard) => sum + shard.bytes, 0);
      const files = shards.map(({ file }) => file);
      const isPlain = files.every(
        (file) => /^part-\d+\.arrow$/.test(file.slice(name.length + 1)) && file.startsWith(`${name}/`),
      );
      return shards.length === 0 ? [] : [{ name, rows, bytes, files: isPlain ? [`${name}/part-*.arrow`] : files }];
    }),
  };
}

/** MIME type of the files. */
export function mimeTypeOf({ format }: CardLayout): string {
  return format === "arrow" ? "application/vnd.apache.arrow.file" : "application/x-parquet";
}
