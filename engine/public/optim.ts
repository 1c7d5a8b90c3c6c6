/** Optimizers as pairs of a number of slots and an update function, in the way of optax. */

export { type MuonOptions, muon } from "../training/muon.ts";
export {
  adam,
  adamw,
  clipByNorm,
  clipScale,
  type Optimizer,
  type OptimizerStep,
  sgd,
  updateEma,
} from "../training/optimizers.ts";
