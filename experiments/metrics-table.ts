import type { TableInput, TableRows, TableSchema } from "../shards/arrow/table-schema.ts";
import type { MetricsRow } from "./train-run.ts";

/** Metrics of a run; one row per set of images and step at which it was evaluated. */
export const metricsSchema = {
  step: "int64",
  set: "utf8",
  loss: "float32",
  error: "float32",
  soft_error: "float32",
} as const satisfies TableSchema;

export function toMetricsColumns(rows: readonly MetricsRow[]): TableInput<typeof metricsSchema> {
  return {
    step: Float64Array.from(rows, ({ step }) => step),
    set: rows.map(({ set }) => set),
    loss: Float32Array.from(rows, ({ loss }) => loss),
    error: Float32Array.from(rows, ({ error }) => error),
    soft_error: Float32Array.from(rows, ({ softError }) => softError),
  };
}

export function fromMetricsColumns(columns: TableRows<typeof metricsSchema>): MetricsRow[] {
  return columns.set.map((set, row) => ({
    step: columns.step[row]!,
    set,
    loss: columns.loss[row]!,
    error: columns.error[row]!,
    softError: columns.soft_error[row]!,
  }));
}
