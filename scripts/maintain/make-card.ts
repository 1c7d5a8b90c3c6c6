/**
 * Puts a trained model into `weights/`, with a card: command, images seen, time, machine, loss curve, and sample grids or
 * the test accuracy. For those who work on this package:
 * `node dist/scripts/maintain/make-card.js RUN generator|tuned|labeler "MACHINE IN WORDS"`.
 */

import { readFile } from "node:fs/promises";
import { formatCount, formatPercent, hashPrefix } from "../../core/format.ts";
import { imageBytes } from "../../core/image-layout.ts";
import { tuningMethods } from "../../generator/index.ts";
import { accuracyOf, expectedCalibrationError } from "../../labeler/calibration.ts";
import { renderLossCurve } from "../../pictures/render-loss-curve.ts";
import { throughJpeg } from "../../pictures/through-jpeg.ts";
import { readCifar10 } from "../../pipeline/cifar-10/read-cifar-10.ts";
import { renderSampleGrid } from "../../pipeline/models/sample-grid.ts";
import { shippedRuntime } from "../../pipeline/models/shipped-runtime.ts";
import { mergeConfigs, type PartialConfig, resolveConfig, tuningSections } from "../../pipeline/run/config.ts";
import { flagOf } from "../../pipeline/run/config-keys.ts";
import { recipes } from "../../pipeline/run/recipes.ts";
import { type ModelName, runFolderAt } from "../../pipeline/run/run-folder.ts";
import { shippedFile } from "../../pipeline/run/shipped-files.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { sha256 } from "../../storage/sha256.ts";
import { readTrainingLog } from "../../storage/training-store.ts";
import { reportError } from "../cli/exit-codes.ts";

/** What a card says of each kind of model. */
const kinds = {
  generator: {
    title: "Generator",
    model: "generator",
    pictures: [
      { name: "plain", says: "without guidance", config: mergeConfigs(recipes.fast, { sampler: { guidance: 1 } }) },
      { name: "fast", says: "guided as by default", config: recipes.fast },
    ],
  },
  tuned: {
    title: "Two-step generator",
    model: "generator",
    pictures: [
      { name: "1", says: "1 step", config: mergeConfigs(recipes.tuned, { sampler: { steps: 1 } }) },
      { name: "2", says: "2 steps", config: recipes.tuned },
    ],
  },
  labeler: { title: "Labeler", model: "labeler", pictures: [] },
} as const satisfies Record<string, Kind>;

/** Options of a training, as the run folder pins them. */
type Options = Readonly<Record<string, unknown>> & { readonly batchSize: number };

interface Kind {
  readonly title: string;
  /** What the run folder and the command call it. */
  readonly model: ModelName;
  readonly pictures: readonly Picture[];
}

/** A grid of samples on a card. */
interface Picture {
  readonly name: string;
  readonly says: string;
  readonly config: PartialConfig;
}

const [, , run, name, machine] = process.argv;
if (run === undefined || name === undefined || !Object.hasOwn(kinds, name) || machine === undefined) {
  process.stderr.write('usage/wrong: make-card RUN generator|tuned|labeler "MACHINE IN WORDS".\n');
  process.exitCode = 2;
} else {
  try {
    await makeCard(run, name as keyof typeof kinds, machine);
  } catch (thrown) {
    process.exitCode = reportError(thrown, { verbose: true });
  }
}

async function makeCard(root: string, name: keyof typeof kinds, machine: string): Promise<void> {
  const { title, model, pictures } = kinds[name];
  const folder = runFolderAt(root);
  const weights = await readFile(folder.model(model));
  const pinned = (
    JSON.parse(await readFile(folder.modelConfig(model), "utf8")) as {
      readonly config: {
        readonly options?: Options;
        readonly tuning?: Options;
        readonly adversarial?: Options;
        readonly labeler?: string;
        readonly seed: number;
        readonly initialWeights?: string;
      };
    }
  ).config;
  const method = tuningMethods.find((known) => tuningSections[known] in pinned);
  const section = method === undefined ? model : tuningSections[method];
  const options = (method === undefined ? pinned.options : pinned[tuningSections[method]])!;
  const config = resolveConfig({ seed: pinned.seed, [section]: options });
  const lines = await readTrainingLog(folder.training(model));
  const images = lines.at(-1)!.step * options.batchSize;
  const seconds = lines.reduce((total, { step, imagesPerSecond }, index) => {
    const steps = step - (lines[index - 1]?.step ?? 0);
    return total + (steps * options.batchSize) / imagesPerSecond;
  }, 0);
  const lossFile = `${name}-loss.png`;
  await replaceBytes(shippedFile(`${name}.safetensors`), weights);
  await replaceBytes(shippedFile(lossFile), await renderLossCurve(lines, options.batchSize));
  const quality = name === "labeler" ? [await testAccuracy()] : [];
  const flags = Object.entries(options).map(
    ([key, value]) => `--${flagOf(`${section}.${key}`)} ${[value].flat().join(",")}`,
  );
  // Named by hash: the command's reader needs the same file.
  const { initialWeights } = pinned;
  if (initialWeights !== undefined) flags.unshift(`--init FILE-OF-SHA256-${hashPrefix(initialWeights)}`);
  if (pinned.labeler !== undefined) flags.unshift(`--labeler FILE-OF-SHA256-${hashPrefix(pinned.labeler)}`);
  if (method !== undefined) flags.unshift(`--tune ${method}`);
  const numTrained = 50_000 - (section === "labeler" ? Math.floor(config.labeler.heldOut * 50_000) : 0);
  const card = `# ${title}

| | |
| --- | --- |
| file | \`${name}.safetensors\`, ${(weights.length / 1e6).toFixed(1)} MB, float16, sha256 \`${sha256(weights)}\` |
| trained on | CIFAR-10 train, ${formatCount(numTrained)} images |
| images seen | ${formatCount(images)} (${(images / numTrained).toFixed(1)} epochs) |
| time | ${(seconds / 60).toFixed(0)} minutes, ${(images / seconds).toFixed(0)} images/s on average |
| machine | ${machine} |
${[`| last loss | ${lines.at(-1)!.loss.toFixed(4)} |`, ...quality].join("\n")}

\`\`\`
npx cifar5m fetch DIR --data CIFAR-10-FOLDER
npx cifar5m train ${model} DIR --seed ${pinned.seed} \\
  ${flags.join(" \\\n  ")}
\`\`\`

![loss](${lossFile})
${(await Promise.all(pictures.map(showGrid))).join("")}`;
  await replaceBytes(shippedFile(`${name}.md`), card);

  /** Draws a grid, beside the card. @returns the part of the card that shows it */
  async function showGrid(picture: Picture): Promise<string> {
    const file = `${name}-samples-${picture.name}.png`;
    const sampler = await shippedRuntime.openSampler(resolveConfig(picture.config), weights);
    try {
      await replaceBytes(shippedFile(file), await renderSampleGrid(sampler));
    } finally {
      await sampler.close();
    }
    return `\nIds 0 to 39, one class per column, not selected, ${picture.says}:\n\n![samples](${file})\n`;
  }

  async function testAccuracy(): Promise<string> {
    const { test } = await readCifar10(folder.cifar10);
    const labeler = await shippedRuntime.openLabeler(config, weights);
    const percent = (part: number) => formatPercent(part, 2);
    try {
      const probabilities = await labeler.label(test.images);
      const afterJpeg = await labeler.label(await asJpegs(test.images, 75));
      return `| CIFAR-10 test accuracy | **${percent(accuracyOf(probabilities, test.labels))}** (with the mirror image averaged in) |
| the same after JPEG files of quality 75 | ${percent(accuracyOf(afterJpeg, test.labels))} |
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
    result.set(await throughJpeg(images.subarray(start, start + imageBytes), quality), start);
  }
  return result;
}
