/** What our tables may hold: a name and a type per column, and the typed array that holds each type in memory. */

import { DataType, Field, FixedSizeList, Float32, Int64, Schema, Uint8, Utf8 } from "apache-arrow";
import { Cifar5mError } from "../../core/errors.ts";

/** `uint8[3072]` is a fixed-size list of 3,072 bytes a row. */
export type ColumnType = "int64" | "float32" | "uint8" | "utf8" | `uint8[${number}]` | `float32[${number}]`;

/** Columns in file order. */
export type TableSchema = Readonly<Record<string, ColumnType>>;

/** Whole numbers below 2⁵³ in magnitude. */
export type IntegerArray = Float64Array | Int32Array | Uint32Array | Uint8Array;

/** What a reader returns for a column of R rows; lists are flattened to shape [R, length]. */
export type ColumnValues<Type extends ColumnType> = Type extends "int64"
  ? Float64Array
  : Type extends "utf8"
    ? string[]
    : Type extends "float32" | `float32[${number}]`
      ? Float32Array
      : Uint8Array;

/** What a writer accepts for a column. */
export type ColumnInput<Type extends ColumnType> = Type extends "int64"
  ? IntegerArray
  : Type extends "utf8"
    ? readonly string[]
    : ColumnValues<Type>;

/** Some rows by column, as a reader returns them. */
export type TableRows<Columns extends TableSchema> = { [Name in keyof Columns]: ColumnValues<Columns[Name]> };

/** Some rows by column, as a writer accepts them. */
export type TableInput<Columns extends TableSchema> = {
  readonly [Name in keyof Columns]: ColumnInput<Columns[Name]>;
};

/** Element type and number of values per row of a column type. */
export function parseColumnType(type: ColumnType): {
  readonly element: "int64" | "float32" | "uint8" | "utf8";
  /** Values per row; 1 for a scalar. */
  readonly width: number;
  readonly isList: boolean;
} {
  const match = /^(int64|utf8)$/.exec(type) ?? /^(float32|uint8)(?:\[([1-9]\d*)\])?$/.exec(type);
  if (match === null) {
    throw new Cifar5mError(
      "table/unknown-type",
      `a column type must be int64, float32, uint8, utf8, uint8[n] or float32[n], got ${type}. Use one of these.`,
    );
  }
  const element = match[1] as "int64" | "float32" | "uint8" | "utf8";
  return { element, width: match[2] === undefined ? 1 : Number(match[2]), isList: match[2] !== undefined };
}

/**
 * The Arrow type of a column. Every field is nullable: Hugging Face drops ClassLabel from fields that are not nullable.
 */
export function toArrowType(type: ColumnType): DataType {
  const { element, width, isList } = parseColumnType(type);
  const scalar = {
    int64: () => new Int64(),
    float32: () => new Float32(),
    uint8: () => new Uint8(),
    utf8: () => new Utf8(),
  };
  const item = scalar[element]();
  return isList ? new FixedSizeList(width, new Field("item", item, true)) : item;
}

/** The Arrow schema of a table. */
export function toArrowSchema(columns: TableSchema, metadata: Readonly<Record<string, string>> = {}): Schema {
  const fields = Object.entries(columns).map(([name, type]) => new Field(name, toArrowType(type), true));
  return new Schema(fields, new Map(Object.entries(metadata)));
}

/**
 * @throws Cifar5mError `table/schema-mismatch` naming the first column of `found` that differs from `columns`
 */
export function requireSchema(columns: TableSchema, found: Schema, path: string): void {
  const expected = toArrowSchema(columns).fields;
  const describe = (field: Field | undefined) =>
    field === undefined ? "nothing" : `${field.name}: ${describeType(field.type)}`;
  for (let index = 0; index < Math.max(expected.length, found.fields.length); index++) {
    const [wanted, seen] = [describe(expected[index]), describe(found.fields[index])];
    if (wanted === seen) continue;
    throw new Cifar5mError(
      "table/schema-mismatch",
      `column ${index} of ${path} must be ${wanted}, got ${seen}. Build the file again with this release.`,
    );
  }
}

function describeType(type: DataType): string {
  // The name of the item field has no meaning: readers and writers use different names.
  if (DataType.isFixedSizeList(type)) return `${String(type.children[0]?.type)}[${type.listSize}]`;
  return String(type);
}
