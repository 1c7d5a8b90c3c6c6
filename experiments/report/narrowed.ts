import type { TopLevelSpec } from "vega-lite";

/** Width of a panel that fits a phone with its axis, in pixels. */
const narrowWidth = 250;

/** A chart for phones: one panel a row, legends below each other under it. */
export function narrowed(spec: TopLevelSpec): TopLevelSpec {
  const legend = { orient: "bottom", direction: "vertical", columns: 1, labelLimit: 260 };
  return { ...(narrow(spec) as object), config: { legend } } as TopLevelSpec;
}

function narrow(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(narrow);
  if (typeof part !== "object" || part === null) return part;
  const entries = Object.entries(part).map(([key, value]) => {
    if (key === "columns" && typeof value === "number") return [key, 1];
    if (key === "width" && typeof value === "number") return [key, Math.min(value, narrowWidth)];
    return [key, key === "data" ? value : narrow(value)];
  });
  return Object.fromEntries(entries);
}
