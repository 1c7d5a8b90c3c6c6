/**
 * Shares one answer among all who ask, so that their number does not change how often the work is done.
 * @param keptMs - how long an answer is given again, in milliseconds from when it came; an error is kept as long
 * @param work - never called while a call before it has not ended
 * @returns asks. An answer about another topic is not given again
 */
export function shareAnswer<Value>(keptMs: number, work: () => Promise<Value>): (topic?: string) => Promise<Value> {
  let latest: { readonly topic: string; readonly answer: Promise<Value>; endedMs: number | undefined } | undefined;
  return (topic = "") => {
    const isWanted = latest?.topic === topic;
    const isFresh = latest?.endedMs === undefined || performance.now() - latest.endedMs < keptMs;
    if (latest !== undefined && isWanted && isFresh) return latest.answer;
    const before = latest?.answer;
    const answer = (async () => {
      await before?.catch(() => undefined);
      return await work();
    })();
    const own: typeof latest = { topic, answer, endedMs: undefined };
    latest = own;
    const end = () => {
      own.endedMs = performance.now();
    };
    answer.then(end, end);
    return answer;
  };
}
