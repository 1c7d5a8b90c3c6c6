import { hashPrefix } from "../../core/format.ts";
import { parseColumnType } from "../../shards/arrow/table-schema.ts";
import { type Manifest, manifestName } from "../../shards/format/manifest.ts";
import { shardColumnsOf } from "../../shards/format/shard-schema.ts";
import { companionNames } from "../../shards/publish/upload-companions.ts";
import { canonicalJson, sealJson } from "../../storage/canonical-json.ts";
import { sha256 } from "../../storage/sha256.ts";
import type { CardFacts } from "./card-facts.ts";
import { titleOf } from "./card-head.ts";
import { type CardLayout, mimeTypeOf } from "./card-layout.ts";
import { citationOf } from "./citation.ts";
import { croissantContext } from "./croissant-context.ts";

/**
 * The description of a data set in MLCommons Croissant 1.1: its files and its record sets. `images` has every column. Of
 * Parquet files, mlcroissant reads these records; Arrow files it cannot read. `classes` and, beside shards, `shards` can be
 * read in either case.
 * @see https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html
 */
export function describeCroissant(facts: CardFacts, layout: CardLayout): string {
  const { manifest, options, published } = facts;
  const { repository, license = "unknown", creator } = options;
  const isArrow = layout.format === "arrow";
  const rows = layout.splits.reduce((sum, split) => sum + split.rows, 0);
  const reading = isArrow
    ? " Python's mlcroissant does not read Arrow files: it reads the record sets classes and shards, and all of the images after `cifar5m export --format parquet`."
    : "";
  const description = {
    "@context": croissantContext,
    "@type": "sc:Dataset",
    conformsTo: "http://mlcommons.org/croissant/1.1",
    name: titleOf(facts),
    description: `${rows} labeled images of 32×32 pixels in ${manifest.classNames.length} classes. ${companionNames.card} beside this file says how they were made.${reading}`,
    license,
    url: repository === undefined ? companionNames.card : `https://huggingface.co/datasets/${repository}`,
    version: `1.0.0+${hashPrefix(manifest.sha256)}`,
    ...(published === undefined ? {} : { datePublished: published }),
    creator: { "@type": "Organization", name: creator ?? `not named; made with ${manifest.createdBy}` },
    citeAs: citationOf(facts),
    isLiveDataset: false,
    distribution: [
      ...(isArrow ? [manifestFile(manifest)] : []),
      {
        "@type": "cr:FileSet",
        "@id": "parts",
        encodingFormat: mimeTypeOf(layout),
        includes: layout.splits.flatMap(({ files }) => files),
      },
    ],
    recordSet: [imageRecords(manifest, layout), classRecords(manifest), ...(isArrow ? [shardRecords()] : [])],
  };
  return `${canonicalJson(description, 2)}\n`;
}

function manifestFile(manifest: Manifest): object {
  const text = sealJson(manifest);
  return {
    "@type": "cr:FileObject",
    "@id": manifestName,
    contentUrl: manifestName,
    contentSize: `${Buffer.byteLength(text)} B`,
    encodingFormat: "application/json",
    sha256: sha256(text),
  };
}

const dataTypes = { int64: "cr:Int64", float32: "cr:Float32", uint8: "cr:UInt8", utf8: "sc:Text" } as const;

/** One record an image. */
function imageRecords({ classNames }: Manifest, { format }: CardLayout): object {
  const source = (extract: object) => ({ fileSet: { "@id": "parts" }, extract });
  const fields = Object.entries(shardColumnsOf(classNames.length)).map(([name, type]) => {
    const { element, width, isList } = parseColumnType(type);
    const field = { "@type": "cr:Field", "@id": `images/${name}`, source: source({ column: name }) };
    if (name === "image" && format === "parquet") {
      return { ...field, dataType: "sc:ImageObject", source: { ...field.source, transform: { jsonPath: "bytes" } } };
    }
    const arrayShape = name === "image" ? "32,32,3" : String(width);
    return { ...field, dataType: dataTypes[element], ...(isList ? { isArray: true, arrayShape } : {}) };
  });
  const split = {
    "@type": "cr:Field",
    "@id": "images/split",
    dataType: ["sc:Text", "cr:Split"],
    source: { ...source({ fileProperty: "fullpath" }), transform: { regex: "^(train|test)/" } },
  };
  return { "@type": "cr:RecordSet", "@id": "images", key: { "@id": "images/id" }, field: [split, ...fields] };
}

/** One record a class, within the description. */
function classRecords({ classNames }: Manifest): object {
  return {
    "@type": "cr:RecordSet",
    "@id": "classes",
    dataType: "sc:Enumeration",
    key: { "@id": "classes/label" },
    field: [
      { "@type": "cr:Field", "@id": "classes/label", dataType: "cr:Int64" },
      { "@type": "cr:Field", "@id": "classes/name", dataType: ["sc:Text", "sc:name"] },
    ],
    data: classNames.map((name, label) => ({ "classes/label": label, "classes/name": name })),
  };
}

/** One record a shard, from the manifest. */
function shardRecords(): object {
  const field = (name: string, dataType: string) => ({
    "@type": "cr:Field",
    "@id": `shards/${name}`,
    dataType,
    source: { fileObject: { "@id": manifestName }, extract: { jsonPath: `$.splits.*.shards[*].${name}` } },
  });
  return {
    "@type": "cr:RecordSet",
    "@id": "shards",
    key: { "@id": "shards/file" },
    field: [
      field("file", "sc:Text"),
      field("rows", "cr:Int64"),
      field("bytes", "cr:Int64"),
      field("sha256", "sc:Text"),
      field("idStart", "cr:Int64"),
      field("idEnd", "cr:Int64"),
    ],
  };
}
