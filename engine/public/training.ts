/** Training: programs whose graph takes several steps per call, and runs with checkpoints. */

export { buildEvaluationProgram, type EvaluationProgram } from "../training/evaluation-program.ts";
export {
  type LoadedCheckpoint,
  loadCheckpoint,
  runTraining,
  type TrainingProgress,
  type TrainingRun,
  type TrainingStore,
} from "../training/run-training.ts";
export { initialState, type StepInputs, stateFromWeights, Trainer, type TrainingState } from "../training/trainer.ts";
export {
  buildTrainingProgram,
  type Declaration,
  type LossInputs,
  type TrainingDefinition,
  type TrainingProgram,
} from "../training/training-program.ts";
