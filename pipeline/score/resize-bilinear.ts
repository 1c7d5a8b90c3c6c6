/**
 * Resizes square images bilinearly, with pixel centers at half integers, repeated edges and no smoothing. PyTorch's
 * `interpolate(mode="bilinear", align_corners=False)` does the same, and FID is usually computed so. (sharp would round
 * to bytes in between.)
 * @param images - [count, from, from, channels] flattened
 * @returns [count, to, to, channels] flattened
 */
export function resizeBilinear(
  images: Float32Array,
  { count, channels, from, to }: Readonly<Record<"count" | "channels" | "from" | "to", number>>,
): Float32Array {
  const result = new Float32Array(count * to * to * channels);
  const taps = Array.from({ length: to }, (_, index) => {
    const position = Math.min(from - 1, Math.max(0, ((index + 0.5) * from) / to - 0.5));
    const low = Math.floor(position);
    return { low, high: Math.min(from - 1, low + 1), weight: position - low };
  });
  let target = 0;
  for (let image = 0; image < count; image++) {
    const start = image * from * from * channels;
    for (const y of taps) {
      for (const x of taps) {
        for (let channel = 0; channel < channels; channel++) {
          const pixel = (row: number, column: number) => images[start + (row * from + column) * channels + channel]!;
          const top = pixel(y.low, x.low) * (1 - x.weight) + pixel(y.low, x.high) * x.weight;
          const bottom = pixel(y.high, x.low) * (1 - x.weight) + pixel(y.high, x.high) * x.weight;
          result[target++] = top * (1 - y.weight) + bottom * y.weight;
        }
      }
    }
  }
  return result;
}
