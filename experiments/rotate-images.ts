import { imageAt, imageBytes, imageSide as side } from "../core/image-layout.ts";
import { fillIntegers, randomStreams } from "../core/random.ts";

/**
 * Turns each image by a random number of quarter turns, counterclockwise; the numbers are the labels of the task.
 * @param images - uint8 [B, 32, 32, 3] flattened; turned in place
 * @returns quarter turns of each image, [B], a pure function of (seed, step)
 * @see Gidaris, Singh, Komodakis 2018, arXiv:1803.07728
 */
export function rotateImages(images: Uint8Array, seed: number, step: number): Int32Array {
  const turns = new Int32Array(images.length / imageBytes);
  fillIntegers({ seed, stream: randomStreams.rotation, id: step }, 4, turns);
  for (const [index, numTurns] of turns.entries()) {
    const target = imageAt(images, index);
    const source = target.slice();
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const from = (y * side + x) * 3;
        const [toY, toX] = turned(y, x, numTurns);
        target.set(source.subarray(from, from + 3), (toY * side + toX) * 3);
      }
    }
  }
  return turns;
}

function turned(y: number, x: number, numTurns: number): readonly [number, number] {
  const last = side - 1;
  if (numTurns === 0) return [y, x];
  if (numTurns === 1) return [last - x, y];
  return numTurns === 2 ? [last - y, last - x] : [x, last - y];
}
