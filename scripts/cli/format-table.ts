/**
 * Rows as lines of columns, two spaces apart.
 * @param options.numbers - whether all columns but the first hold numbers, which go to the right; true by default
 */
export function formatTable(rows: readonly (readonly string[])[], { numbers = true } = {}): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (numbers && column > 0 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join("  ")
      .trimEnd(),
  );
}
