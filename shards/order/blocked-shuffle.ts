import { createPermutation, invertPermute, type Permutation, permute } from "../../core/permutation.ts";
import { randomStreams } from "../../core/random.ts";

/** Each window of an order has its own id: up to 2²⁴ windows for up to 2²⁹ orders of a seed. */
const maxWindows = 2 ** 24;

/**
 * An order of [0, size) for storage that reads neighboring rows fast. Rows are cut into blocks, the blocks are put in
 * random order, and each window of several blocks is shuffled row by row. Docs: docs/order.md.
 * @param options.blockRows - rows of a block; the last may be short
 * @param options.windowBlocks - blocks of a window; the last may have fewer
 */
export function createBlockedShuffle(options: {
  readonly size: number;
  readonly seed: number;
  readonly id: number;
  readonly blockRows: number;
  readonly windowBlocks: number;
}): (position: number) => number {
  const { size, seed, id, blockRows, windowBlocks } = options;
  const numBlocks = Math.ceil(size / blockRows);
  const lastRows = size - (numBlocks - 1) * blockRows;
  const blocks = createPermutation({ size: numBlocks, seed, id, stream: randomStreams.blockPermutation });
  // The last block may be short. It comes at this index of the block order, and shifts all blocks after it.
  const lastIndex = invertPermute(numBlocks - 1, blocks);
  const missingRows = blockRows - lastRows;
  const startOf = (blockIndex: number) => blockIndex * blockRows - (blockIndex > lastIndex ? missingRows : 0);
  const blockIndexOf = (position: number) => {
    const blockIndex = Math.floor(position / blockRows);
    return blockIndex < lastIndex || position < startOf(lastIndex) + lastRows
      ? blockIndex
      : Math.floor((position + missingRows) / blockRows);
  };
  let current: { readonly window: number; readonly start: number; readonly permutation: Permutation } | undefined;
  return (position) => {
    const window = Math.floor(blockIndexOf(position) / windowBlocks);
    if (current?.window !== window) {
      const start = startOf(window * windowBlocks);
      const end = startOf(Math.min((window + 1) * windowBlocks, numBlocks));
      const permutation = createPermutation({
        size: end - start,
        seed,
        id: id * maxWindows + window,
        stream: randomStreams.windowPermutation,
      });
      current = { window, start, permutation };
    }
    const shuffled = current.start + permute(position - current.start, current.permutation);
    const blockIndex = blockIndexOf(shuffled);
    return permute(blockIndex, blocks) * blockRows + (shuffled - startOf(blockIndex));
  };
}
