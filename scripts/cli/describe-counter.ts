import { formatCount } from "../../core/format.ts";
import type { removalReasons } from "../../pipeline/stages/removals.ts";

/** Images that are left out of a set, by the counter that a stage adds them to. */
const words: Readonly<Record<string, string>> = {
  "publish/removed": "removed before",
  "dropped/surplus-of-class": "surplus of their class",
  ...({
    "dropped/duplicate-of-cifar10-train": "copies of CIFAR-10 train images",
    "dropped/duplicate-of-cifar10-test": "copies of CIFAR-10 test images",
    "dropped/duplicate-within-set": "copies within the set",
    "dropped/near-copy-of-cifar10-train": "near-copies of CIFAR-10 train images",
    "dropped/memorized-from-cifar10-train": "memorized from CIFAR-10 train images",
    "dropped/leak-from-cifar10-test": "near-copies of CIFAR-10 test images, or memorized from them",
  } satisfies Record<`dropped/${(typeof removalReasons)[number]}`, string>),
};

/** `30 left out: surplus of their class`; of a counter that has no words of its own, `speed/rows 3`. */
export function describeCounter(counter: string, value: number): string {
  const what = words[counter];
  return what === undefined ? `${counter} ${formatCount(value)}` : `${formatCount(value)} left out: ${what}`;
}
