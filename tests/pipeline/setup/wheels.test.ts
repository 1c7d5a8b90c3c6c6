import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ZipFile } from "yazl";
import { parseGpus } from "../../../pipeline/doctor/inspect-machine.ts";
import { runProgram } from "../../../pipeline/run-program.ts";
import { installCuda } from "../../../pipeline/setup/install-cuda.ts";
import { installTensorFlow, tensorFlowVersion } from "../../../pipeline/setup/install-tensorflow.ts";

const isSupported = process.platform === "linux" && process.arch === "x64";
const { signal } = new AbortController();
const hasCompiler = (await runProgram("c++", ["--version"], { signal })).exitCode === 0;
const report = () => undefined;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-wheels-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A real wheel: a zip with metadata. */
async function writeWheel(name: string, version: string, members: Readonly<Record<string, Buffer>>): Promise<string> {
  const zip = new ZipFile();
  for (const [member, bytes] of Object.entries(members)) zip.addBuffer(bytes, member);
  zip.addBuffer(Buffer.from(`Name: ${name}\n`), `${name}-${version}.dist-info/METADATA`);
  zip.end();
  const path = join(folder, `${name}-${version}.whl`);
  await pipeline(zip.outputStream, createWriteStream(path));
  return path;
}

const cudaMembers = {
  "onnxruntime/capi/libonnxruntime_providers_cuda.so": Buffer.alloc(300_000, "cuda"),
  "onnxruntime/capi/libonnxruntime_providers_shared.so": Buffer.from("shared"),
  "onnxruntime/capi/libonnxruntime.so.9.9.9": Buffer.from("not wanted"),
};

test.runIf(isSupported)("the CUDA provider is taken out of the wheel of the same version, once", async () => {
  const target = join(folder, "cuda");
  const install = (wheel: string) => installCuda({ wheel, signal, report }, { version: "9.9.9", folder: target });
  const other = install(await writeWheel("onnxruntime_gpu", "9.9.8", cudaMembers));
  await expect(other).rejects.toMatchObject({
    code: "setup/wrong-wheel",
    message: expect.stringContaining("it is onnxruntime_gpu-9.9.8"),
  });
  const lacking = install(await writeWheel("onnxruntime_gpu", "9.9.9", {}));
  await expect(lacking).rejects.toMatchObject({ message: expect.stringContaining("providers_shared.so") });
  const wheel = await writeWheel("onnxruntime_gpu", "9.9.9", cudaMembers);
  const whole = await readFile(wheel);
  // Within the first member's bytes, then in the middle of the archive.
  await writeFile(wheel, whole.with(100, whole[100]! ^ 0xff));
  await expect(install(wheel)).rejects.toMatchObject({ code: "setup/wrong-wheel" });
  await writeFile(wheel, whole.subarray(0, 200));
  await expect(install(wheel)).rejects.toMatchObject({ code: "setup/wrong-wheel" });
  await writeFile(wheel, whole);
  expect(await install(wheel)).toBe(true);
  expect(await install(join(folder, "no longer needed"))).toBe(false);
  const names = ["cuda-provider-9.9.9", "libonnxruntime_providers_cuda.so", "libonnxruntime_providers_shared.so"];
  expect((await readdir(target)).sort()).toEqual(names);
  expect(await readFile(join(target, names[1]!))).toEqual(Object.values(cudaMembers)[0]);
});

test.runIf(isSupported && hasCompiler)("TensorFlow's binding is compiled against the wheel", async () => {
  const target = join(folder, "tfjs-node");
  await mkdir(join(target, "binding"), { recursive: true });
  await writeFile(join(target, "package.json"), JSON.stringify({ binary: { napi_versions: [3, 8] } }));
  await writeFile(
    join(target, "binding", "binding.cc"),
    `#include <node_api.h>
#include "tensorflow/c/eager/c_api.h"
NAPI_MODULE_INIT() { napi_value value; napi_create_int32(env, answer(), &value); return value; }`,
  );
  const source = join(folder, "answer.cc");
  await writeFile(source, 'extern "C" int answer() { return 42; }');
  const library = join(folder, "answer.so");
  const soname = "-Wl,-soname,libtensorflow_cc.so.2";
  expect((await runProgram("c++", ["-shared", "-fPIC", soname, source, "-o", library], { signal })).exitCode).toBe(0);
  const wheel = await writeWheel("tensorflow_cpu", tensorFlowVersion, {
    "tensorflow/libtensorflow_cc.so.2": await readFile(library),
    "tensorflow/libtensorflow_framework.so.2": await readFile(library),
    "tensorflow/include/tensorflow/c/eager/c_api.h": Buffer.from('extern "C" int answer();'),
  });
  const install = (compiler: string) =>
    installTensorFlow({ wheel, compiler, signal, report }, { folder: target, source: "tensorflow-cpu" });
  await expect(install("no-such-compiler")).rejects.toMatchObject({ code: "setup/no-compiler" });
  await expect(install("false")).rejects.toMatchObject({ code: "setup/compile-failed" });
  expect(await install("c++")).toBe(true);
  expect(await install("no-such-compiler")).toBe(false);
  expect(await readdir(join(target, "lib", "napi-v8"))).toEqual(["tfjs_binding.node"]);
  const load = `console.log(require(${JSON.stringify(join(target, "lib", "napi-v8", "tfjs_binding.node"))}))`;
  expect((await runProgram(process.execPath, ["-e", load], { signal })).output.trim()).toBe("42");
});

test("GPUs are read from what nvidia-smi prints", () => {
  expect(parseGpus("0, 81559, 580.95.05, NVIDIA H100 80GB HBM3\n1, 24564, 580.95.05, NVIDIA L4\n\n")).toEqual([
    { device: "cuda:0", name: "NVIDIA H100 80GB HBM3", memoryBytes: 81_559 * 2 ** 20, driver: "580.95.05" },
    { device: "cuda:1", name: "NVIDIA L4", memoryBytes: 24_564 * 2 ** 20, driver: "580.95.05" },
  ]);
  expect(parseGpus("No devices were found\n")).toEqual([]);
});
