/**
 * Puts a trained model into `weights/`, with a card: command, images seen, time, machine, loss curve, and a sample grid
 * or the test accuracy. For those who work on this package:
 * `node dist/scripts/maintain/make-card.js RUN generator|labeler "MACHINE IN WORDS"`.
 */

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import sharp from "sharp";
import { argmax } from "../../core/argmax.ts";
import { imageBytes } from "../../core/image-layout.ts";
import { expectedCalibrationError } from "../../labeler/calibration.ts";
import { renderLossCurve } from "../../pictures/render-loss-curve.ts";
import { readCifar10 } from "../../pipeline/cifar-10/read-cifar-10.ts";
import { renderSampleGrid } from "../../pipeline/models/sample-grid.ts";
import { shippedRuntime } from "../../pipeline/models/shipped-runtime.ts";
import { resolveConfig } from "../../pipeline/run/config.ts";
import { type ModelName, runFolderAt } from "../../pipeline/run/run-folder.ts";
import { shippedFile } from "../../pipeline/run/shipped-files.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { sha256 } from "../../storage/sha256.ts";
import { readTrainingLog } from "../../storage/training-store.ts";
import { reportError } from "../cli/exit-codes.ts";

/** Weights of the class that the generator's pictures are drawn with; 1 is the plain model. */
const guidances = [1, 3];
const [, , run, name, machine] = process.argv;
if (run === undefined || (name !== "generator" && name !== "labeler") || machine === undefined) {
  process.stderr.write('usage/wrong: make-card RUN generator|labeler "MACHINE IN WORDS".\n');
  process.exitCode = 2;
} else {
  try {
    await makeCard(run, name, machine);
  } catch (thrown) {
    process.exitCode = reportError(thrown, { verbose: true });
  }
}

async function makeCard(root: string, name: ModelName, machine: string): Promise<void> {
  const folder = runFolderAt(root);
  const weights = await readFile(folder.model(name));
  const { options, seed, initialWeights } = (
    JSON.parse(await readFile(folder.modelConfig(name), "utf8")) as {
      readonly config: {
        readonly options: Readonly<Record<string, unknown>> & { readonly batchSize: number };
        readonly seed: number;
        readonly initialWeights?: string;
      };
    }
  ).config;
  const config = resolveConfig({ seed, [name]: options });
  const lines = await readTrainingLog(folder.training(name));
  const images = lines.at(-1)!.step * options.batchSize;
  const seconds = lines.reduce((total, { step, imagesPerSecond }, index) => {
    const steps = step - (lines[index - 1]?.step ?? 0);
    return total + (steps * options.batchSize) / imagesPerSecond;
  }, 0);
  const lossFile = `${name}-loss.png`;
  const sampleFile = (guidance: number) => `${name}-samples-guidance-${guidance}.png`;
  await replaceBytes(shippedFile(`${name}.safetensors`), weights);
  await replaceBytes(shippedFile(lossFile), await renderLossCurve(lines, options.batchSize));
  const quality = name === "generator" ? await showSamples() : await testAccuracy();
  const flags = Object.entries(options).map(
    ([key, value]) =>
      `--${name}.${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${[value].flat().join(",")}`,
  );
  // Named by hash: the command's reader needs the same file.
  if (initialWeights !== undefined) flags.unshift(`--init FILE-OF-SHA256-${initialWeights.slice(0, 12)}`);
  const card = `# ${name === "generator" ? "Generator" : "Labeler"}

| | |
| --- | --- |
| file | \`${basename(folder.model(name))}\`, ${(weights.length / 1e6).toFixed(1)} MB, float16, sha256 \`${sha256(weights)}\` |
| trained on | CIFAR-10 train, 50,000 images |
| images seen | ${images.toLocaleString("en")} (${(images / 50_000).toFixed(1)} epochs) |
| time | ${(seconds / 60).toFixed(0)} minutes, ${(images / seconds).toFixed(0)} images/s on average |
| machine | ${machine} |
| last loss | ${lines.at(-1)!.loss.toFixed(4)} |
${quality}

\`\`\`
cifar5m fetch --run DIR --data CIFAR-10-FOLDER
cifar5m train ${name} --run DIR --seed ${seed} \\
  ${flags.join(" \\\n  ")}
\`\`\`

![loss](${lossFile})
${name === "generator" ? guidances.map(showGrid).join("") : ""}`;
  await replaceBytes(shippedFile(`${name}.md`), Buffer.from(card));

  function showGrid(guidance: number): string {
    return `\nIds 0 to 39, one class a column, not selected, guidance ${guidance}:\n\n![samples](${sampleFile(guidance)})\n`;
  }

  async function showSamples(): Promise<string> {
    for (const guidance of guidances) {
      const drawn = resolveConfig({ ...config, sampler: { ...config.sampler, guidance } });
      const sampler = await shippedRuntime.openSampler(drawn, weights);
      await replaceBytes(shippedFile(sampleFile(guidance)), await renderSampleGrid(sampler));
      await sampler.close();
    }
    return `| sampler of the pictures | ${config.sampler.name}, ${config.sampler.steps} steps |`;
  }

  async function testAccuracy(): Promise<string> {
    const { test } = await readCifar10(folder.cifar10);
    const labeler = await shippedRuntime.openLabeler(config, weights);
    const percent = (part: number) => `${(100 * part).toFixed(2)}%`;
    const accuracyOf = (probabilities: Float32Array) => {
      const right = test.labels.filter((label, index) => {
        return argmax(probabilities.subarray(index * 10, (index + 1) * 10)) === label;
      });
      return right.length / test.labels.length;
    };
    try {
      const probabilities = await labeler.label(test.images);
      const afterJpeg = await labeler.label(await asJpegs(test.images, 75));
      return `| CIFAR-10 test accuracy | **${percent(accuracyOf(probabilities))}** (with the mirror image averaged in) |
| the same after JPEG files of quality 75 | ${percent(accuracyOf(afterJpeg))} |
| expected calibration error, 15 bins | ${percent(expectedCalibrationError(probabilities, test.labels))} on CIFAR-10 test |`;
    } finally {
      await labeler.close();
    }
  }
}

/** Images after they were saved as JPEG and read again, uint8 [n, 32, 32, 3] flattened. */
async function asJpegs(images: Uint8Array, quality: number): Promise<Uint8Array> {
  const result = new Uint8Array(images.length);
  for (let start = 0; start < images.length; start += imageBytes) {
    const raw = { width: 32, height: 32, channels: 3 } as const;
    const file = await sharp(images.subarray(start, start + imageBytes), { raw })
      .jpeg({ quality })
      .toBuffer();
    result.set(await sharp(file).raw().toBuffer(), start);
  }
  return result;
}
