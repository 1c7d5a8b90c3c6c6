import type { Manifest } from "../../shards/index.ts";
import { pythonLoader, typescriptLoader } from "../loader-code.ts";

/** Lines to copy. */
export interface Snippet {
  readonly id: string;
  readonly title: string;
  readonly note: string;
  readonly code: string;
}

/**
 * Snippets that load the set with each tool.
 * @param options.base - URL of the set, for example `http://127.0.0.1:8765/dataset`
 * @param options.folder - path of the set on the reader's disk, or undefined
 */
export function loaderSnippets(options: {
  readonly manifest: Manifest;
  readonly base: string;
  readonly folder: string | undefined;
}): readonly Snippet[] {
  const { manifest, base, folder } = options;
  const urls = `base = ${JSON.stringify(base)}
shards = json.load(urllib.request.urlopen(f"{base}/manifest.json"))["splits"]["train"]["shards"]
urls = [f"{base}/{shard['file']}" for shard in shards]`;
  return [
    {
      id: "typescript",
      title: "TypeScript",
      note: "Shuffled batches, the same in every process with this seed. Needs the package cifar5m-shards or cifar5m.",
      code: typescriptLoader(manifest, { location: base }),
    },
    {
      id: "torch",
      title: "PyTorch",
      note: "Needs the Python package in python/ of cifar5m: pip install './python[torch]'. It gives the same order as the TypeScript loader.",
      // A reader on the same disk does not have to fetch anything.
      code: pythonLoader(manifest, { location: folder ?? base }),
    },
    {
      id: "hugging-face",
      title: "Hugging Face datasets",
      note: "Needs pip install datasets aiohttp requests. Keeps the shards in its cache; streaming=True does not.",
      code: `import json, urllib.request
from datasets import load_dataset

${urls}
dataset = load_dataset("arrow", data_files={"train": urls}, split="train")
print(dataset.features["label"])`,
    },
    {
      id: "polars",
      title: "polars",
      note: "Lazy: the shards are fetched, by Range requests, once a result is asked for.",
      code: `import json, urllib.request
import polars as pl

${urls}
images = pl.scan_ipc(urls)
print(images.group_by("label").agg(pl.len(), pl.mean("confidence")).sort("label").collect())`,
    },
    {
      id: "duckdb",
      title: "DuckDB",
      note: "DuckDB itself opens no Arrow files; it queries what polars (or pyarrow) has opened.",
      code: `import json, urllib.request
import duckdb, polars as pl

${urls}
labels = pl.scan_ipc(urls).select("id", "label", "class", "confidence").collect()
print(duckdb.sql("select label, count(*), avg(confidence) from labels group by label order by label"))`,
    },
    {
      id: "copy",
      title: "A copy of the folder",
      note: "The manifest gets its name last, and only if every shard came: a folder that has one is whole.",
      code: `base=${base}
curl -fsS --create-dirs -o dataset/manifest.new $base/manifest.json &&
jq -r '.splits[].shards[].file' dataset/manifest.new | xargs -I{} curl -fsS --create-dirs -o dataset/{} $base/{} &&
mv dataset/manifest.new dataset/manifest.json`,
    },
  ];
}
