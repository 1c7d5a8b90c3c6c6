import { noiseBytes } from "./make-cifar-10.ts";

/** Images whose neighboring pixels resemble each other, as those of photographs do. */
export function smoothImages(count: number, seed: string): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => {
    const coarse = noiseBytes(`${seed} ${index}`, 9 * 9 * 3);
    const fine = noiseBytes(`fine ${seed} ${index}`, 3072);
    return Uint8Array.from({ length: 3072 }, (_, k) => {
      const [channel, x, y] = [k % 3, (Math.floor(k / 3) % 32) / 4, Math.floor(k / 96) / 4];
      const [left, top] = [Math.floor(x), Math.floor(y)];
      const at = (dx: number, dy: number) => coarse[((top + dy) * 9 + left + dx) * 3 + channel]!;
      const [right, down] = [x - left, y - top];
      const upper = at(0, 0) * (1 - right) + at(1, 0) * right;
      const lower = at(0, 1) * (1 - right) + at(1, 1) * right;
      return Math.min(255, 0.9 * (upper * (1 - down) + lower * down) + fine[k]! / 10);
    });
  });
}
