import type { TableInput, TableRows, TableSchema } from "../../shards/arrow/table-schema.ts";
import type { NearestReferences } from "./nearest-references.ts";
import { codeLength } from "./shape-code.ts";

/** What a search found out about the rows of a unit; see `NearestOfSplit`. A squared distance of −1 stands for none. */
export const auditColumns = {
  id: "int64",
  trainIndex: "int64",
  trainMirrored: "uint8",
  trainSquared: "int64",
  trainSecondSquared: "int64",
  trainAdaptive: "uint8",
  trainCopyIndex: "int64",
  trainCopyMirrored: "uint8",
  trainCopyResidual: "float32",
  testIndex: "int64",
  testMirrored: "uint8",
  testSquared: "int64",
  testSecondSquared: "int64",
  testAdaptive: "uint8",
  testCopyIndex: "int64",
  testCopyMirrored: "uint8",
  testCopyResidual: "float32",
  code: `uint8[${codeLength}]`,
} as const satisfies TableSchema;

/** Pairs of near-duplicates within the set, by rows; see `NearDuplicate`. */
export const duplicateColumns = {
  row: "int64",
  of: "int64",
  isMirrored: "uint8",
  residual: "float32",
} as const satisfies TableSchema;

export type AuditRows = TableRows<typeof auditColumns>;

/** The columns that a report is made of: all but the codes, which only the search for near-duplicates needs. */
export type ReportedRows = Omit<AuditRows, "code">;

/** The table of some images. */
export function toAuditRows(
  ids: Float64Array,
  { train, test, codes }: NearestReferences,
): TableInput<typeof auditColumns> {
  return {
    id: ids,
    trainIndex: train.index,
    trainMirrored: train.isMirrored,
    trainSquared: withoutInfinity(train.squared),
    trainSecondSquared: withoutInfinity(train.secondSquared),
    trainAdaptive: train.isAdaptive,
    trainCopyIndex: train.copyIndex,
    trainCopyMirrored: train.isCopyMirrored,
    trainCopyResidual: train.copyResidual,
    testIndex: test.index,
    testMirrored: test.isMirrored,
    testSquared: withoutInfinity(test.squared),
    testSecondSquared: withoutInfinity(test.secondSquared),
    testAdaptive: test.isAdaptive,
    testCopyIndex: test.copyIndex,
    testCopyMirrored: test.isCopyMirrored,
    testCopyResidual: test.copyResidual,
    code: new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength),
  };
}

function withoutInfinity(squared: Float64Array): Float64Array {
  return squared.map((value) => (Number.isFinite(value) ? value : -1));
}
