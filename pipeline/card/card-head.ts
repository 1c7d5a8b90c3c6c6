import { Document, Scalar } from "yaml";
import { hasCifar10Classes } from "../../core/image-layout.ts";
import { parseColumnType } from "../../shards/arrow/table-schema.ts";
import { shardColumnsOf } from "../../shards/format/shard-schema.ts";
import type { CardFacts } from "./card-facts.ts";
import type { CardLayout } from "./card-layout.ts";

/**
 * The head of a card, between its lines of dashes, as the Hugging Face Hub and `datasets` read it: license, title, tasks,
 * size, tags, features, splits, and which files belong to which split.
 */
export function cardHead(facts: CardFacts, layout: CardLayout): string {
  const { manifest, options, origin } = facts;
  const rows = layout.splits.reduce((sum, split) => sum + split.rows, 0);
  const bytes = layout.splits.reduce((sum, split) => sum + split.bytes, 0);
  const isGenerated = origin.kind === "generated";
  const hasCifar10 = hasCifar10Classes(manifest);
  return toYaml({
    pretty_name: outside(titleOf(facts)),
    license: options.license ?? "unknown",
    task_categories: ["image-classification", ...(isGenerated ? ["unconditional-image-generation"] : [])],
    size_categories: [sizeCategory(rows)],
    ...(isGenerated ? { annotations_creators: ["machine-generated"] } : {}),
    ...(isGenerated && hasCifar10 ? { source_datasets: ["extended|cifar10"] } : {}),
    tags: [
      ...(isGenerated ? ["synthetic", "diffusion"] : []),
      ...(hasCifar10 ? ["cifar-10"] : []),
      layout.format,
      "cifar5m",
    ],
    configs: [
      {
        config_name: "default",
        data_files: layout.splits.map(({ name, files }) => ({
          split: name,
          path: files.length === 1 ? files[0] : files,
        })),
      },
    ],
    dataset_info: {
      features: featuresOf(manifest.classNames, layout),
      splits: layout.splits.map((split) => ({ name: split.name, num_bytes: split.bytes, num_examples: split.rows })),
      download_size: bytes,
      dataset_size: bytes,
    },
  });
}

/** The title of a card. */
export function titleOf({ manifest, options, origin }: CardFacts): string {
  if (options.prettyName !== undefined) return options.prettyName;
  return origin.kind === "generated" ? `${manifest.name}: generated images` : manifest.name;
}

/** The features of `datasets`. The order of keys matters to its reader: the kind of a feature comes first. */
function featuresOf(classNames: readonly string[], { format }: CardLayout): object[] {
  const names = Object.fromEntries(classNames.map((name, label) => [String(label), outside(name)]));
  return Object.entries(shardColumnsOf(classNames.length)).map(([name, type]) => {
    const { element, width, isList } = parseColumnType(type);
    if (name === "label" || name === "class") return { name, dtype: { class_label: { names } } };
    if (format === "parquet" && name === "image") return { name, dtype: "image" };
    if (!isList) return { name, dtype: element };
    return { name, list: element, ...(format === "parquet" ? {} : { length: width }) };
  });
}

/** The size category of the Hub that a number of rows belongs to. */
export function sizeCategory(rows: number): string {
  const limits = ["1K", "10K", "100K", "1M", "10M", "100M", "1B"];
  const index = limits.findIndex((_, exponent) => rows < 10 ** (exponent + 3));
  if (index === 0) return "n<1K";
  return index < 0 ? "n>1B" : `${limits[index - 1]}<n<${limits[index]}`;
}

/** A text from outside: always between double quotes, so that no version of YAML takes it for something else. */
function outside(text: string): Scalar {
  const scalar = new Scalar(text);
  scalar.type = Scalar.QUOTE_DOUBLE;
  return scalar;
}

/** Characters that readers of YAML refuse or take for a line break. They occur only between double quotes. */
const unprintable = /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\p{Cs}/gu;

function toYaml(head: object): string {
  const text = new Document(head, { aliasDuplicateObjects: false }).toString({
    lineWidth: 0,
    doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
  });
  return text.replaceAll(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
