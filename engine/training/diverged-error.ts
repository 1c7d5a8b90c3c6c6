import { Cifar5mError } from "../../core/errors.ts";

/** A training whose loss, gradients or state are not finite: `train/diverged`. */
export class DivergedError extends Cifar5mError {
  /** What happened, without what to do about it: that depends on who trains. */
  readonly what: string;

  constructor(what: string, { remedy = "a lower learning rate", cause }: { remedy?: string; cause?: unknown } = {}) {
    const message = `${what}. The last checkpoint is kept; train in another run folder with ${remedy}.`;
    super("train/diverged", message, { cause });
    this.what = what;
  }
}
