import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readModelFile } from "../../../pipeline/models/read-model-file.ts";
import { shippedFile } from "../../../pipeline/run/shipped-files.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { runInProcess } from "../../support/run-in-process.ts";

test.for([
  [
    "m.pt",
    "PK\u0003\u0004 archive/data.pkl",
    "got a PyTorch checkpoint (zip or pickle). Export a PyTorch model to ONNX",
  ],
  ["old.safetensors", "\u0080\u0002\u008a\nl\u00fc\u009cFjP.M", "got a PyTorch checkpoint"],
  ["m.h5", "\u0089HDF\r\n\u001a\n\u0000\u0000", "got neither. Export"],
])("%s is refused as a model, and the error says which files are taken", async ([name, text, got]) => {
  const path = join(await makeTestFolder(), name!);
  await writeFile(path, Buffer.from(text!, "latin1"));
  const { message } = await errorOf(() => readModelFile(path), "model/unknown-format");
  expect(message).toContain(`${path} must be a .safetensors or .onnx file, ${got}`);
  expect(message).toContain("examples/python/export_onnx.py");
  const { stderr } = await runInProcess(["build", join(path, "..", "run"), "--generator", path, "--quiet"]);
  expect(stderr).toMatch(/^model\/unknown-format: .*\n$/);
});

test("safetensors of any name are read, and a damaged file of its name is left to its reader", async () => {
  const folder = await makeTestFolder();
  const weights = await readModelFile(shippedFile("labeler.safetensors"));
  await writeFile(join(folder, "labeler.bin"), weights);
  expect((await readModelFile(join(folder, "labeler.bin"))).length).toBe(weights.length);
  await writeFile(join(folder, "damaged.safetensors"), "no safetensors");
  expect((await readModelFile(join(folder, "damaged.safetensors"))).length).toBe(14);
});
