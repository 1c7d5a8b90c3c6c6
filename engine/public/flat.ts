/** Names that moved into namespaces, for one release. */

export {
  /** @deprecated Use `nn.crossEntropy`. */
  crossEntropy,
} from "../composites/losses.ts";
export {
  /** @deprecated Use `optim.sgd`. */
  sgd,
} from "../training/optimizers.ts";
export {
  /** @deprecated Use `training.Trainer`. */
  Trainer,
} from "../training/trainer.ts";
export {
  /** @deprecated Use `training.buildTrainingProgram`. */
  buildTrainingProgram,
} from "../training/training-program.ts";
