import * as z from "zod";
import { Cifar5mError } from "../../core/errors.ts";
import { parseRecord, safeCount } from "../../storage/record-schema.ts";

/** The version this code writes, and the only one it reads. */
export const loaderStateVersion = 2;

/** A loader state as JSON. */
const loaderStateSchema = z.strictObject({
  version: z.literal(loaderStateVersion),
  /** Fingerprint of the split. A state is valid for no other data. */
  dataset: z.string().min(1),
  regime: z.enum(["finite", "infinite"]),
  seed: safeCount,
  numSamples: z.int().min(1),
  /** See `nameShuffle`. */
  shuffle: z.string().min(1),
  /** The epoch of the next sample. */
  epoch: safeCount,
  /** Number of samples of that epoch that were served before, over all ranks. */
  position: safeCount,
});

/**
 * The position of a loader: plain JSON. It is the same for every rank, and valid for any rank, world size and batch
 * size.
 */
export type LoaderState = Readonly<z.infer<typeof loaderStateSchema>>;

/**
 * Checks that a state belongs to a loader. A state of an earlier size of a set that has grown does, since the order of
 * that size is where the order of the newest begins: unless live images followed the rows of that size already.
 * @param dataset - fingerprint of the split
 * @param options.earlier - fingerprints and rows of the split before it grew
 * @returns the state
 * @throws Cifar5mError `loader-state/invalid`, `loader-state/version-unsupported`, `loader-state/mismatch`
 */
export function requireState(
  state: unknown,
  dataset: string,
  options: Omit<LoaderState, "version" | "dataset" | "epoch" | "position"> & {
    readonly isLive: boolean;
    readonly earlier?: readonly { readonly fingerprint: string; readonly numRows: number }[];
  },
): LoaderState {
  const found = parseRecord(
    loaderStateSchema,
    state,
    "loader-state",
    "the loader state",
    loaderStateVersion,
    "Start without it.",
  );
  const before = options.earlier?.find(({ fingerprint }) => fingerprint === found.dataset);
  requireSameOrder(found, {
    dataset: before?.fingerprint ?? dataset,
    regime: options.regime,
    seed: options.seed,
    // The infinite regime serves all that there is, and there was less.
    numSamples: before !== undefined && options.regime === "infinite" ? before.numRows : options.numSamples,
    shuffle: options.shuffle,
  });
  requirePosition(found, options, before?.numRows);
  return found;
}

function requireSameOrder(found: LoaderState, expected: Omit<LoaderState, "version" | "epoch" | "position">): void {
  for (const key of Object.keys(expected) as (keyof typeof expected)[]) {
    if (found[key] === expected[key]) continue;
    throw new Cifar5mError(
      "loader-state/mismatch",
      `${key} of the loader state is ${found[key]}, this loader has ${expected[key]}. ` +
        "Resume with the data and options the state was taken with, or start without a state.",
    );
  }
}

/** @param numRowsBefore - rows at the earlier size that the state is of, if it is of one */
function requirePosition(
  { position }: LoaderState,
  { regime, numSamples, isLive }: Pick<LoaderState, "regime" | "numSamples"> & { readonly isLive: boolean },
  numRowsBefore: number | undefined,
): void {
  if (numRowsBefore !== undefined && numSamples > numRowsBefore && position > numRowsBefore) {
    throw new Cifar5mError(
      "loader-state/mismatch",
      `position of the loader state must be at most ${numRowsBefore}, the rows of the set at the size that it names, got ` +
        `${position}: live images followed, and in the set as it has grown they follow ${numSamples} rows. ` +
        "Resume with the set at that size, or start without a state.",
    );
  }
  const isBeyond = regime === "infinite" ? position > numSamples : position >= numSamples;
  if (isBeyond && !isLive) {
    throw new Cifar5mError(
      "loader-state/invalid",
      `position of the loader state must be ${regime === "infinite" ? "at most" : "below"} ${numSamples}, got ${position}. Start without a state.`,
    );
  }
}
