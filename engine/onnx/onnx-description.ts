import type * as z from "zod";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { parseJson } from "../../core/parse-json.ts";
import type { DType, Shape } from "../graph/tensor.ts";
import { ModelProto } from "./onnx-schema.ts";
import type { OnnxModel, OnnxPort } from "./read-onnx.ts";

/** The key in a model's `metadata_props` under which its description stands. */
const descriptionKey = "cifar5m";

/**
 * Puts a description at the head of an ONNX file. Protobuf messages merge when they are joined, so the model's own bytes
 * stay as they are, and any reader of ONNX finds the description among the model's metadata.
 * @param description - JSON
 */
export function embedDescription(file: Uint8Array, description: string): Uint8Array {
  const head = ModelProto.encode({ metadata_props: [{ key: descriptionKey, value: description }] }).finish();
  return Buffer.concat([head, file]);
}

/** Whether a file is one that `embedDescription` made. */
export function isDescribedOnnx(file: Uint8Array): boolean {
  // Field 14 with its length, then key and length of the entry.
  return file[0] === 0x72 && Buffer.from(file.subarray(0, 20)).includes(`\n\x07${descriptionKey}`);
}

/** The description within a model, if there is one. */
export function descriptionOf({ metadata }: OnnxModel): string | undefined {
  return metadata.get(descriptionKey);
}

/**
 * What a model's description says.
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

/** Of a key that allows several kinds of values, what is wrong with the kind that was meant. */
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
      `the description of ${label} is no JSON: ${messageOf(error)}. See docs/models.md.`,
      { cause: error },
    );
  }
}

/** Images that a model may ask for at once: 200 MB of them. */
const maxImagesAtOnce = 16_384;

/** What a description says of an input or output. */
export interface ExpectedPort {
  readonly name: string;
  readonly dtypes: readonly DType[];
  /** The first extent is the number of images. */
  readonly shape: readonly ["batch", ...Shape];
}

/**
 * Compares what a model needs with what its description says.
 * @returns types by input, and how many images the model takes at once; undefined where it leaves that open
 * @throws Cifar5mError `model/mismatch`
 */
export function checkPorts(
  model: OnnxModel,
  { inputs, output }: { readonly inputs: readonly ExpectedPort[]; readonly output: ExpectedPort },
): { readonly dtypes: ReadonlyMap<string, DType>; readonly batchSize: number | undefined } {
  const ports = inputs.map((expected) => ({ expected, port: checkPort(model, "input", expected) }));
  const unnamed = model.inputs.find(({ name }) => inputs.every((expected) => expected.name !== name));
  if (unnamed !== undefined) {
    throw mismatch(model, `needs the input "${unnamed.name}", and its description names no such input`);
  }
  const result = checkPort(model, "output", output);
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

function checkPort(model: OnnxModel, kind: "input" | "output", expected: ExpectedPort): OnnxPort {
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
