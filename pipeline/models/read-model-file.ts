import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { parseJson } from "../../core/parse-json.ts";
import { descriptionOf, embedDescription, isDescribedOnnx } from "../../engine/onnx/onnx-description.ts";
import { readOnnx } from "../../engine/onnx/read-onnx.ts";
import { joinWeaker } from "../../generator/index.ts";
import { fileExists, readWholeFile } from "../../storage/read-file.ts";

/**
 * Reads a model as one file, the form in which runs keep it: weights unchanged, an ONNX model with its description
 * inside.
 * @param path - a safetensors file, or `NAME.onnx` with its description in `NAME.onnx.json`
 * @throws Cifar5mError `model/unknown-format`, `model/not-described`, `model/described-twice`, `model/wrong-description`,
 *   and as `readOnnx`; `disk/…`
 */
export async function readModelFile(path: string): Promise<Uint8Array> {
  const bytes = await readWholeFile(path);
  if (!/\.onnx$/i.test(path)) {
    requireSafetensors(bytes, path);
    return bytes;
  }
  const within = descriptionOf(readOnnx(bytes, path));
  const beside = `${path}.json`;
  const isBeside = await fileExists(beside);
  if (within !== undefined && isBeside) {
    throw new Cifar5mError(
      "model/described-twice",
      `${path} has a description within and another in ${beside}. Delete the wrong one, or both come to differ.`,
    );
  }
  if (within !== undefined) return isDescribedOnnx(bytes) ? bytes : embedDescription(bytes, within);
  if (isBeside) return embedDescription(bytes, compactJson(await readWholeFile(beside), beside));
  throw new Cifar5mError(
    "model/not-described",
    `${path} must say how it is used, in ${beside}, which does not exist. See docs/models.md for its keys.`,
  );
}

/** The first bytes of a zip archive, which PyTorch saves since version 1.6, and of a pickle, which it saved before. */
const checkpointStarts = ["PK", "\u0080"];

/**
 * Refuses a file that is of another format than safetensors. A damaged file of that format is left to its reader.
 * @throws Cifar5mError `model/unknown-format`
 */
export function requireSafetensors(bytes: Uint8Array, path: string): void {
  const isCheckpoint = checkpointStarts.some((start) =>
    Buffer.from(bytes.subarray(0, 2)).toString("latin1").startsWith(start),
  );
  // The header is a JSON object after the 8 bytes of its length.
  const isDifferent = bytes.length > 8 && bytes[8] !== "{".charCodeAt(0);
  if (!isDifferent || (!isCheckpoint && /\.safetensors$/i.test(path))) return;
  throw new Cifar5mError(
    "model/unknown-format",
    `${path} must be a .safetensors or .onnx file, got ${isCheckpoint ? "a PyTorch checkpoint (zip or pickle)" : "neither"}. ` +
      "Export a PyTorch model to ONNX first: examples/python/export_onnx.py shows how, docs/models.md says what it needs.",
  );
}

/**
 * Reads a generator as runs keep it. If a weaker model shall guide it, both are in the same file.
 * @param guide - file of the weaker model, an earlier checkpoint of the generator; none by default
 * @throws Cifar5mError `model/guide-of-onnx`, `weights/wrong-architecture`, and as `readModelFile`
 */
export async function readGeneratorFile(path: string, guide: string | undefined): Promise<Uint8Array> {
  return await withGuide(await readModelFile(path), path, guide);
}

/** `readGeneratorFile` for a generator that is already read. @param label - its name in errors */
export async function withGuide(bytes: Uint8Array, label: string, guide: string | undefined): Promise<Uint8Array> {
  if (guide === undefined) return bytes;
  const weaker = await readModelFile(guide);
  if (isDescribedOnnx(bytes) || isDescribedOnnx(weaker)) {
    throw new Cifar5mError(
      "model/guide-of-onnx",
      `a guide needs two generators that were trained here, and one of ${label} and ${guide} is an ONNX model. Leave out the guide.`,
    );
  }
  return joinWeaker(bytes, weaker);
}

/** Removes white space, so that the formatting of a description does not make another model. */
function compactJson(bytes: Uint8Array, path: string): string {
  try {
    return JSON.stringify(parseJson(Buffer.from(bytes).toString()));
  } catch (thrown) {
    throw new Cifar5mError(
      "model/wrong-description",
      `${path} must be JSON: ${messageOf(thrown)}. See docs/models.md for its keys.`,
      { cause: thrown },
    );
  }
}
