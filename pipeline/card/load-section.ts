import { makeLoaderLine, pythonLoader, typescriptLoader } from "../loader-code.ts";
import type { CardFacts } from "./card-facts.ts";
import type { CardLayout } from "./card-layout.ts";
import { codeBlock, type Markdown, md } from "./markdown.ts";

/** Stands for the folder in the examples. */
const folder = "PATH-TO-THIS-FOLDER";

/** How to load the set, in four ways. */
export function loadSection({ manifest, options }: CardFacts, { format, splits }: CardLayout): Markdown {
  const split = splits[0]?.name ?? "train";
  const name = JSON.stringify(options.repository ?? folder);
  const datasets = codeBlock(
    "python",
    `from datasets import load_dataset  # pip install datasets

dataset = load_dataset(${name})
print(dataset["${split}"].features["label"].names, dataset["${split}"][0]["label"])`,
  );
  const title = md`## How to load it`;
  if (format === "parquet") {
    const pandas = codeBlock(
      "python",
      `import pandas as pd  # pip install pandas pyarrow

rows = pd.read_parquet("${folder}/${split}")
print(rows["label"].value_counts())`,
    );
    const croissant = codeBlock(
      "python",
      `import mlcroissant as mlc  # pip install "mlcroissant[parquet,image]"

for record in mlc.Dataset("${folder}/croissant.json").records("images"):
    print(record["images/label"], record["images/image"])
    break`,
    );
    return md`${title}\n\nHugging Face datasets:\n\n${datasets}\n\npandas, and whatever else reads Parquet:\n\n${pandas}\n\nCroissant:\n\n${croissant}\n\nThe loaders of cifar5m read the Arrow shards that this folder was exported from, not Parquet.`;
  }
  const here = { location: folder, namesOthers: true };
  const node = codeBlock("ts", typescriptLoader(manifest, here));
  const browser = codeBlock(
    "ts",
    `import { openDataset } from "cifar5m-shards/browser";

const dataset = await openDataset("/dataset"); // the address of this folder on any web server, or on cifar5m serve
${makeLoaderLine(manifest)}`,
  );
  const python = codeBlock("python", pythonLoader(manifest, here));
  return md`${title}\n\nTypeScript, on Node:\n\n${node}\n\nIn a browser:\n\n${browser}\n\nPython, with the same order of samples as in TypeScript:\n\n${python}\n\nHugging Face datasets:\n\n${datasets}`;
}
