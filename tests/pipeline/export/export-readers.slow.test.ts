import { execFileSync, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { cifar10ClassNames } from "../../../core/image-layout.ts";
import { exportFormats } from "../../../pipeline/export/export-steps.ts";
import { sha256 } from "../../../storage/sha256.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { makeImages } from "../import/make-images.ts";
import { makeNpy, makeZip } from "../import/make-npz.ts";
import { runImport } from "../import/run-import.ts";
import { runExport } from "./run-export.ts";

const modules = "import numpy, pyarrow, polars, duckdb, datasets";
const hasPython = spawnSync("python3", ["-c", modules]).status === 0;
const script = fileURLToPath(new URL("read_exports.py", import.meta.url));

test.skipIf(!hasPython)(
  "numpy, pyarrow, polars, DuckDB, Hugging Face datasets and tarfile read exports with the same pixels and labels",
  async () => {
    const folder = await makeTestFolder();
    const { images, labels } = makeImages("readers", 2600);
    const path = join(folder, "set.npz");
    const x = makeNpy("|u1", [2600, 32, 32, 3], images);
    await writeFile(
      path,
      makeZip([
        { name: "X.npy", bytes: x },
        { name: "Y.npy", bytes: makeNpy("|u1", [2600], labels) },
      ]),
    );
    const root = join(folder, "run");
    await runImport({ root, path, unitSize: 900, testCount: 10 });
    for (const format of exportFormats) {
      await runExport({ location: root, target: join(folder, format), format, partSize: 1500 });
    }
    const expected = {
      rows: 2590,
      images: sha256(images.subarray(0, 2590 * 3072)),
      labels: [...labels.subarray(0, 2590)],
    };
    const features = {
      id: "Value",
      image: "Image",
      label: "ClassLabel",
      class: "ClassLabel",
      confidence: "Value",
      probabilities: "List",
    };
    const printed = execFileSync("python3", [script, folder], { encoding: "utf8", maxBuffer: 2 ** 24 });
    const seen: unknown = JSON.parse(printed);
    expect(seen).toMatchObject({
      npz: expected,
      webdataset: expected,
      png: expected,
      parquet: {
        ...Object.fromEntries(["pyarrow", "polars", "duckdb", "datasets"].map((reader) => [reader, expected])),
        features,
        streamedFeatures: features,
        labelNames: cifar10ClassNames,
        oneHot: true,
        firstId: 0,
      },
    });
  },
);
