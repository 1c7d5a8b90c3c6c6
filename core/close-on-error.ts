/** Something that must be closed, such as a data set or a sampler. */
export interface Closable {
  close(): Promise<void> | void;
}

/**
 * Does work with something that was opened, and closes it if the work throws. Otherwise it stays open.
 * @returns what `work` returns
 * @throws what `work` throws, even if closing fails too
 */
export async function closeOnError<Result>(opened: Closable, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    try {
      await opened.close();
    } catch {
      // The first error is the one to report.
    }
    throw thrown;
  }
}
