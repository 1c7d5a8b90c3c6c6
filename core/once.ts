/** Does the work on the first call and keeps the result, but not an error. */
export function once<Value>(work: () => Promise<Value>): () => Promise<Value> {
  let result: Promise<Value> | undefined;
  return () => {
    result ??= work().catch((thrown: unknown) => {
      result = undefined;
      throw thrown;
    });
    return result;
  };
}
