import { expect, test } from "vitest";
import { writeSafetensors } from "../../engine/parameters/safetensors.ts";
import { readGenerator } from "../../generator/read-generator.ts";
import { readLabeler } from "../../labeler/read-labeler.ts";
import { errorOf } from "../support/expect-error.ts";

const readers = { generator: readGenerator, labeler: readLabeler };

/** The message about a file with this metadata and no tensors. */
async function refusalOf(reader: keyof typeof readers, metadata: Readonly<Record<string, string>>): Promise<string> {
  const file = writeSafetensors({ tensors: new Map(), metadata }, "F16");
  return (await errorOf(() => readers[reader](file), "weights/wrong-architecture")).message;
}

test.each([
  ["generator", "labeler"],
  ["labeler", "generator"],
] as const)("a %s is refused where it is of another model, with both names", async (wanted, model) => {
  const message = `the file is of a "${model}" model, a ${wanted} is needed. Pass weights made by train ${wanted}.`;
  expect(await refusalOf(wanted, { model, network: "{oops" })).toBe(message);
  expect(await refusalOf(wanted, {})).toBe(message.replace(model, "unknown"));
});

test.each([
  ["labeler", "{oops", /^the network of the labeler must be JSON: /],
  ["labeler", undefined, /^the network of the labeler must be in the metadata of its weights, and is missing\./],
  [
    "labeler",
    '{"widths":[64,0]}',
    /^the network of the labeler must be one that is known: widths\.1 must be .*, got 0\./,
  ],
  ["labeler", '{"depth":4}', /^the network of the labeler must be one that is known: it has the unknown key depth\./],
  ["generator", "[]", /^the network of the generator must be one that is known: it must be .*, got \[\]\./],
  [
    "generator",
    '{"channels":"64"}',
    /^the network of the generator must be one that is known: channels must be .*, got "64"\./,
  ],
] as const)(
  "a %s whose network is %s is refused with the key, the rule and the value",
  async (model, network, message) => {
    expect(await refusalOf(model, { model, ...(network === undefined ? {} : { network }) })).toMatch(message);
  },
);
