/** Lets one of several tasks go on at a time, in the order in which they asked. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /**
   * Waits until the task before has ended its turn.
   * @returns ends this turn; further calls do nothing
   */
  async begin(): Promise<() => void> {
    const before = this.#last;
    let end: () => void = () => undefined;
    this.#last = new Promise((resolve) => {
      end = resolve;
    });
    await before;
    return end;
  }
}
