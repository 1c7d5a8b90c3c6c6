import * as z from "zod";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { parseJson } from "../../core/parse-json.ts";
import type { DType, Shape } from "../graph/tensor.ts";
import { ModelProto } from "./onnx-schema.ts";
import type { OnnxModel, OnnxPort } from "./read-onnx.ts";

/** The key of the description in a model's `metadata_props`. */
const descriptionKey = "cifar5m";

/**
 * Puts a description at the start of an ONNX file. Concatenated protobuf messages merge, so the bytes of the model stay
 * the same, and any ONNX reader finds the description in the model's metadata.
 * @param description - JSON
 */
export function embedDescription(file: Uint8Array, description: string): Uint8Array {
  const head = ModelProto.encode({ metadata_props: [{ key: descriptionKey, value: description }] }).finish();
  return Buffer.concat([head, file]);
}

/** Whether `embedDescription` made the file. */
export function isDescribedOnnx(file: Uint8Array): boolean {
  // Field 14 and its length, then the key of the entry and its length.
  return file[0] === 0x72 && Buffer.from(file.subarray(0, 20)).includes(`\n\x07${descriptionKey}`);
}

/** The description in a model's metadata, if there is one. */
export function descriptionOf({ metadata }: OnnxModel): string | undefined {
  return metadata.get(descriptionKey);
}

/**
 * Parses the description of a model.
 * @throws Cifar5mError `model/not-described`, `model/wrong-description` naming the key, the rule and the value
 */
export function readDescription<Description>(model: OnnxModel, schema: z.ZodType<Description>): Description {
  const { label } = model;
  const text = descriptionOf(model);
  if (text === undefined) {
    throw new Cifar5mError(
      "model/not-described",
      `${label} must say how it is used, in FILE.onnx.json beside it. See docs/models.md for its keys.`,
    );
  }
  const parsed = schema.safeParse(tryParse(text, label));
  if (parsed.success) return parsed.data;
  const issue = deepestIssue(parsed.error.issues[0]!);
  const key = issue.path.join(".");
  const what =
    issue.code === "unrecognized_keys"
      ? `has the unknown key ${[...issue.path, issue.keys[0]].join(".")}`
      : `${key === "" ? "" : `has a wrong ${key}: `}${issue.message}`;
  throw new Cifar5mError("model/wrong-description", `the description of ${label} ${what}. See docs/models.md.`);
}

/** If a key allows several kinds of values, the issue with the kind that was probably meant. */
function deepestIssue(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== "invalid_union") return issue;
  const inner = issue.errors.map((issues) => issues[0]).find((first) => first !== undefined);
  return inner === undefined ? issue : { ...inner, path: [...issue.path, ...inner.path] };
}

function tryParse(text: string, label: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new Cifar5mError(
      "model/wrong-description",
      `the description of ${label} is not JSON: ${messageOf(error)}. See docs/models.md.`,
      { cause: error },
    );
  }
}

/** What a description says of the images that a model takes. */
export const imagesSchema = z.strictObject({
  input: z.string().min(1),
  layout: z.enum(["NCHW", "NHWC"]),
  range: z.tuple([z.number(), z.number()]).refine(([low, high]) => low < high, { message: "must rise" }),
});

/** The largest batch size that a model may require: 200 MB of images. */
const maxImagesAtOnce = 16_384;

/** What a description says about an input or output. */
export interface ExpectedPort {
  readonly name: string;
  readonly dtypes: readonly DType[];
  /** The first extent is the number of images. */
  readonly shape: readonly ["batch", ...Shape];
}

/**
 * Checks that the inputs and the output of a model are those of its description.
 * @returns the type of each input, and the batch size of the model; undefined if the model takes any batch size
 * @throws Cifar5mError `model/mismatch`
 */
export function requirePorts(
  model: OnnxModel,
  { inputs, output }: { readonly inputs: readonly ExpectedPort[]; readonly output: ExpectedPort },
): { readonly dtypes: ReadonlyMap<string, DType>; readonly batchSize: number | undefined } {
  const ports = inputs.map((expected) => ({ expected, port: requirePort(model, "input", expected) }));
  const unnamed = model.inputs.find(({ name }) => inputs.every((expected) => expected.name !== name));
  if (unnamed !== undefined) {
    throw mismatch(model, `needs the input "${unnamed.name}", and its description names no such input`);
  }
  const result = requirePort(model, "output", output);
  const fixed = [...ports.map(({ port }) => port), result].flatMap(({ shape }) => {
    const batch = shape?.[0];
    return typeof batch === "number" ? [batch] : [];
  });
  const sizes = [...new Set(fixed)];
  const wrong = sizes.find((size) => !(size >= 1 && size <= maxImagesAtOnce));
  if (wrong !== undefined) throw mismatch(model, `must take 1 to ${maxImagesAtOnce} images at once, got ${wrong}`);
  if (sizes.length > 1) throw mismatch(model, `must take one number of images, got ${sizes.join(" and ")}`);
  return {
    dtypes: new Map(ports.map(({ expected, port }) => [expected.name, port.dtype as DType])),
    batchSize: sizes[0],
  };
}

function requirePort(model: OnnxModel, kind: "input" | "output", expected: ExpectedPort): OnnxPort {
  const ports = kind === "input" ? model.inputs : model.outputs;
  const port = ports.find(({ name }) => name === expected.name);
  if (port === undefined) {
    const names = ports.map(({ name }) => name).join(", ");
    throw mismatch(model, `has no ${kind} "${expected.name}" as its description says, but: ${names}`);
  }
  const { dtype, shape } = port;
  if (!expected.dtypes.some((wanted) => wanted === dtype)) {
    throw mismatch(model, `must have the ${kind} "${port.name}" as ${expected.dtypes.join(" or ")}, got ${dtype}`);
  }
  const fits =
    shape === undefined ||
    (shape.length === expected.shape.length &&
      shape.every((extent, axis) => axis === 0 || typeof extent === "string" || extent === expected.shape[axis]));
  if (fits) return port;
  throw mismatch(
    model,
    `must have the ${kind} "${port.name}" in shape [${expected.shape.join(", ")}], got [${shape.join(", ")}]`,
  );
}

function mismatch({ label }: OnnxModel, what: string): Cifar5mError {
  return new Cifar5mError("model/mismatch", `${label} ${what}. Correct its description, or export it again.`);
}
