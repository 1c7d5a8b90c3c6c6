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
  const { regime, seed, numSamples, shuffle } = options;
  const before = options.earlier?.find(({ fingerprint }) => fingerprint === found.dataset);
  const expected = {
    dataset: before?.fingerprint ?? dataset,
    regime,
    seed,
    // The infinite regime serves all that there is, and there was less.
    numSamples: before !== undefined && regime === "infinite" ? before.numRows : numSamples,
    shuffle,
  };
  for (const key of Object.keys(expected) as (keyof typeof expected)[]) {
    if (found[key] === expected[key]) continue;
    throw new Cifar5mError(
      "loader-state/mismatch",
      `${key} of the loader state is ${found[key]}, this loader has ${expected[key]}. ` +
        "Resume with the data and options the state was taken with, or start without a state.",
    );
  }
  if (before !== undefined && numSamples > before.numRows && found.position > before.numRows) {
    throw new Cifar5mError(
      "loader-state/mismatch",
      `position of the loader state must be at most ${before.numRows}, the rows of the set at the size that it names, got ` +
        `${found.position}: live images followed, and in the set as it has grown they follow ${numSamples} rows. ` +
        "Resume with the set at that size, or start without a state.",
    );
  }
  const isBeyond = regime === "infinite" ? found.position > numSamples : found.position >= numSamples;
  if (isBeyond && !options.isLive) {
    throw new Cifar5mError(
      "loader-state/invalid",
      `position of the loader state must be below ${numSamples}, got ${found.position}. Start without a state.`,
    );
  }
  return found;
}
