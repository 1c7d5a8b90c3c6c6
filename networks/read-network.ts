import type * as z from "zod";
import { describeIssue } from "../core/describe-issue.ts";
import { Cifar5mError, messageOf } from "../core/errors.ts";
import { isObject } from "../core/is-object.ts";
import { parseJson } from "../core/parse-json.ts";

/**
 * Reads the architecture of a network from the metadata of its weights.
 * @param model - what the weights must be of
 * @param earlier - what files of earlier releases leave out; without it, metadata without a network are refused
 * @throws Cifar5mError `weights/wrong-architecture` for weights of another model, or of a network that the schema refuses
 */
export function readNetwork<Network>(
  metadata: Readonly<Record<string, string>>,
  model: "generator" | "labeler",
  schema: z.ZodType<Network>,
  earlier?: Readonly<Record<string, unknown>>,
): Network {
  const wrong = (what: string, cause?: unknown) =>
    new Cifar5mError("weights/wrong-architecture", `${what}. Pass weights made by train ${model}.`, { cause });
  if (metadata["model"] !== model) {
    throw wrong(`the file is of a "${metadata["model"] ?? "unknown"}" model, a ${model} is needed`);
  }
  const text = metadata["network"] ?? (earlier === undefined ? undefined : "{}");
  if (text === undefined)
    throw wrong(`the network of the ${model} must be in the metadata of its weights, and is missing`);
  let network: unknown;
  try {
    network = parseJson(text);
  } catch (thrown) {
    throw wrong(`the network of the ${model} must be JSON: ${messageOf(thrown)}`, thrown);
  }
  if (isObject(network)) network = { ...earlier, ...network };
  const parsed = schema.safeParse(network);
  if (parsed.success) return parsed.data;
  throw wrong(`the network of the ${model} must be one that is known: ${describeIssue(parsed.error, schema, network)}`);
}
