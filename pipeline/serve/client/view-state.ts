import { type FlagName, flagNames } from "../../../shards/format/flags.ts";
import type { Filter } from "./select-rows.ts";
import { type SortKey, sortKeys } from "./sort-rows.ts";

/** Which images are shown: the set, the one to compare with, both by id, or the copies that were removed. */
export const shownSets = ["a", "b", "both"] as const;
export type ShownSet = (typeof shownSets)[number];

/** What the page shows. The address keeps it, so that a view can be shared. */
export interface View {
  readonly set: ShownSet;
  readonly part: "train" | "test" | "removed";
  readonly labels: readonly number[];
  readonly isOther: boolean;
  readonly from: number;
  readonly to: number;
  readonly flags: Readonly<Partial<Record<FlagName, boolean>>>;
  readonly sort: SortKey;
  readonly isFalling: boolean;
  /** Sample id of the opened image. */
  readonly image: number | undefined;
}

export const firstView: View = {
  set: "a",
  part: "train",
  labels: [],
  isOther: false,
  from: 0,
  to: 1,
  flags: {},
  sort: "id",
  isFalling: false,
  image: undefined,
};

/** A view without its filters, sorted as at first. */
export function withoutFilters({ set, part }: View): View {
  return { ...firstView, set, part };
}

/** Reads a view from the hash of an address. What it does not know is left out. */
export function parseView(hash: string, numClasses: number): View {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const oneOf = <Value extends string>(name: string, known: readonly Value[], first: Value): Value =>
    known.find((value) => value === values.get(name)) ?? first;
  const list = (name: string) => (values.get(name) ?? "").split(",").filter((text) => text !== "");
  const labels = list("label").map(Number);
  const [from, to] = (values.get("confidence") ?? "").split("-").map(Number);
  const hasRange = from !== undefined && to !== undefined && from >= 0 && to <= 1 && from <= to;
  const flags: Partial<Record<FlagName, boolean>> = {};
  for (const name of flagNames) {
    if (list("with").includes(name)) flags[name] = true;
    else if (list("without").includes(name)) flags[name] = false;
  }
  const image = values.get("image") ?? "";
  return {
    set: oneOf("set", shownSets, firstView.set),
    part: oneOf("part", ["train", "test", "removed"], firstView.part),
    labels: [...new Set(labels)].filter((label) => Number.isInteger(label) && label >= 0 && label < numClasses),
    isOther: values.get("asked") === "other",
    ...(hasRange ? { from, to } : { from: 0, to: 1 }),
    flags,
    sort: oneOf("sort", sortKeys, firstView.sort),
    isFalling: values.get("order") === "falling",
    image: /^\d{1,16}$/.test(image) ? Number(image) : undefined,
  };
}

/** The hash of a view, without what is as at first. */
export function formatView(view: View): string {
  const flagsThat = (wanted: boolean) => flagNames.filter((name) => view.flags[name] === wanted).join(",");
  const parts: readonly [string, string][] = [
    ["set", view.set === firstView.set ? "" : view.set],
    ["part", view.part === firstView.part ? "" : view.part],
    ["label", view.labels.join(",")],
    ["asked", view.isOther ? "other" : ""],
    ["confidence", view.from > 0 || view.to < 1 ? `${view.from}-${view.to}` : ""],
    ["with", flagsThat(true)],
    ["without", flagsThat(false)],
    ["sort", view.sort === firstView.sort ? "" : view.sort],
    ["order", view.isFalling ? "falling" : ""],
    ["image", view.image === undefined ? "" : String(view.image)],
  ];
  return parts.flatMap(([name, value]) => (value === "" ? [] : [`${name}=${value}`])).join("&");
}

/** The filter of a view. */
export function filterOf(view: View, { hasFlags }: { readonly hasFlags: boolean }): Filter {
  const { labels, isOther, from, to, flags } = view;
  let [flagMask, flagValues] = [0, 0];
  for (const [bit, name] of flagNames.entries()) {
    if (!hasFlags || flags[name] === undefined) continue;
    flagMask |= 1 << bit;
    flagValues |= Number(flags[name]) << bit;
  }
  return { labels, isOther, from, to, flagMask, flagValues };
}
