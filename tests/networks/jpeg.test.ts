import sharp from "sharp";
import { expect, test } from "vitest";
import { Graph } from "../../engine/graph/graph.ts";
import { tensorData } from "../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../engine/onnxruntime/onnxruntime-engine.ts";
import { tfjsEngine } from "../../engine/tfjs/tfjs-engine.ts";
import { jpegArtifacts } from "../../networks/jpeg.ts";

/** A picture with smooth parts, an edge and a texture, [32, 32, 3]. */
function picture(kind: number): Uint8Array {
  return Uint8Array.from({ length: 3072 }, (_, index) => {
    const [row, column, channel] = [Math.floor(index / 96), Math.floor(index / 3) % 32, index % 3];
    const smooth = 128 + 80 * Math.sin((row + kind * column) / 9 + channel / 3);
    const edge = column > 12 + kind && row > 10 ? 40 : 0;
    return Math.max(0, Math.min(255, smooth + edge + 8 * Math.sin(row * column + kind)));
  });
}

const pictures = [0, 1, 2].map(picture);

/** Pictures after `jpegArtifacts`, as bytes. */
async function byGraph(qualities: readonly number[], tfjs = false): Promise<Uint8Array[]> {
  const graph = new Graph();
  const x = graph.input("x", "float32", [3, 3, 32, 32]);
  graph.output("y", jpegArtifacts(x, graph.input("quality", "float32", [3])));
  const engine = tfjs ? await tfjsEngine({ device: "cpu" }) : onnxruntimeEngine();
  const executable = await engine.compile(graph);
  const planar = pictures.flatMap((bytes) =>
    Array.from({ length: 3072 }, (_, index) => bytes[(index % 1024) * 3 + Math.floor(index / 1024)]! / 127.5 - 1),
  );
  const { y } = await executable.run({
    x: tensorData("float32", [3, 3, 32, 32], planar),
    quality: tensorData("float32", [3], qualities),
  });
  await executable.release();
  return pictures.map((_, image) =>
    Uint8Array.from({ length: 3072 }, (_, index) => {
      const value = y!.data[image * 3072 + (index % 3) * 1024 + Math.floor(index / 3)] as number;
      return Math.round((value + 1) * 127.5);
    }),
  );
}

async function bySharp(bytes: Uint8Array, quality: number): Promise<Uint8Array> {
  const raw = { width: 32, height: 32, channels: 3 } as const;
  const file = await sharp(bytes, { raw }).jpeg({ quality, chromaSubsampling: "4:2:0" }).toBuffer();
  return await sharp(file).raw().toBuffer();
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, index) => sum + Math.abs(value - b[index]!), 0) / a.length;
}

test("pictures are closer to real JPEGs of the same quality than to the original or to JPEGs of another quality", async () => {
  const qualities = [30, 75, 95];
  const found = await byGraph(qualities);
  for (const [index, bytes] of pictures.entries()) {
    const real = await bySharp(bytes, qualities[index]!);
    const difference = meanDifference(found[index]!, real);
    expect(difference).toBeLessThan(1.5);
    if (qualities[index]! > 90) continue;
    expect(difference).toBeLessThan(0.5 * meanDifference(bytes, real));
    expect(difference).toBeLessThan(0.5 * meanDifference(await bySharp(bytes, 10), real));
  }
});

test("both engines give the same artifacts, except where rounding decides between two quantization steps", async () => {
  const [ours, oracle] = [await byGraph([20, 60, 90]), await byGraph([20, 60, 90], true)];
  for (const [index, bytes] of ours.entries()) expect(meanDifference(bytes, oracle[index]!)).toBeLessThan(0.1);
});
