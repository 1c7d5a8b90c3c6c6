export interface InOrder<Item, Result> {
  readonly items: AsyncIterable<Item> | Iterable<Item>;
  /** Works under way at the same time. */
  readonly atOnce: number;
  readonly work: (item: Item) => Promise<Result>;
  /** Called when nobody waits for the results any more: after the last one, after an error, or if the caller stops. */
  readonly stop?: () => void;
}

/**
 * Works on several items at once, and yields the results in the order of the items. An item is taken when its work can
 * begin. After an error, or when the caller stops early, it waits for the works under way.
 */
export async function* inOrder<Item, Result>({
  items,
  atOnce,
  work,
  stop,
}: InOrder<Item, Result>): AsyncGenerator<Result> {
  const running: Promise<Result>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      // An error shows when its turn comes.
      result.catch(() => undefined);
      running.push(result);
      if (running.length >= atOnce) yield await running.shift()!;
    }
    while (running.length > 0) yield await running.shift()!;
  } finally {
    stop?.();
    await Promise.allSettled(running);
  }
}
