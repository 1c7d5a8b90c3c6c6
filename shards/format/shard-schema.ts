import { cifar10ClassNames } from "../../core/image-layout.ts";
import { parseColumnType, type TableInput, type TableRows, type TableSchema } from "../arrow/table-schema.ts";

/** Columns of a published shard of a data set with this many classes. */
export function shardColumnsOf(numClasses: number) {
  return {
    /** Sample id, from which the image can be made again. */
    id: "int64",
    /** uint8, shape [32, 32, 3], height, width, channel. */
    image: "uint8[3072]",
    /** argmax of `probabilities`. */
    label: "int64",
    /** Conditioning class, which the generator was asked for; −1 if there was none. */
    class: "int64",
    /** max of `probabilities`. */
    confidence: "float32",
    /** The labeler's probabilities by class. */
    probabilities: `float32[${numClasses}]`,
  } as const satisfies TableSchema;
}

/** Columns of a published shard with the classes of CIFAR-10. */
export const shardColumns = shardColumnsOf(cifar10ClassNames.length);

/** Some rows of a shard, as written. */
export type ShardInput = TableInput<typeof shardColumns>;

/** Some rows of a shard, as read. */
export type ShardRows = TableRows<typeof shardColumns>;

/**
 * The value of schema metadata key `huggingface`, which tells `datasets` the features. It must list every column and
 * match its Arrow field exactly, or the features are lost.
 * @param columns - all columns of the file
 * @param classNames - class names for each column that holds class indices, by the name of the column
 */
function toHuggingFaceInfo(columns: TableSchema, classNames: Readonly<Record<string, readonly string[]>>): string {
  const features = Object.entries(columns).map(([name, type]) => {
    const { element, width, isList } = parseColumnType(type);
    const names = classNames[name];
    if (names !== undefined) return [name, { names, _type: "ClassLabel" }];
    const value = { dtype: element === "utf8" ? "string" : element, _type: "Value" };
    return [name, isList ? { feature: value, length: width, _type: "List" } : value];
  });
  return JSON.stringify({ info: { features: Object.fromEntries(features) } });
}

/** Schema metadata of a published shard. */
export function shardMetadataOf(classNames: readonly string[]): { readonly huggingface: string } {
  const columns = shardColumnsOf(classNames.length);
  return { huggingface: toHuggingFaceInfo(columns, { label: classNames, class: classNames }) };
}
