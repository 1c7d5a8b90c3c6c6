import pLimit from "p-limit";

/** Files that are read at once: enough to keep a disk, or a bucket, at work while others are parsed and hashed. */
const numReaders = 4;

/** Maps items whose files are read, a few of them at once. @returns the results, in the order of the items */
export async function mapFiles<Item, Result>(
  items: readonly Item[],
  read: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  return await pLimit(numReaders).map(items, read);
}
