/** Training: programs whose graph takes several steps per call, and runs with checkpoints. */

export { buildEvaluationProgram } from "../training/evaluation-program.ts";
export {
  type LoadedCheckpoint,
  loadCheckpoint,
  runTraining,
  type TrainingProgress,
  type TrainingRun,
  type TrainingStore,
} from "../training/run-training.ts";
export { type StepInputs, Trainer } from "../training/trainer.ts";
export type { Declaration, LossInputs, TrainingDefinition } from "../training/training-definition.ts";
export { buildTrainingProgram, type TrainingProgram } from "../training/training-program.ts";
export { initialState, stateFromWeights, type TrainingState } from "../training/training-state.ts";
