import type { TrainingProgress } from "../../engine/training/run-training.ts";
import type { StageContext } from "./stage.ts";

/**
 * Counts the images of one training, and shows its loss. Images of an earlier call count as kept, so they do not count
 * for the speed.
 * @param name - name of the counters: `name/images` and `name/kept`
 */
export function trainingCounter(
  context: Pick<StageContext, "count" | "show">,
  name: string,
): (progress: Omit<TrainingProgress, "imagesInAll">) => void {
  let counted: number | undefined;
  return ({ images, imagesBefore, loss }) => {
    if (counted === undefined && imagesBefore > 0) context.count(`${name}/kept`, imagesBefore);
    context.count(`${name}/images`, images - (counted ?? imagesBefore));
    context.show("loss", loss);
    counted = images;
  };
}
