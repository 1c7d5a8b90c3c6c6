import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { argmax } from "../../../core/argmax.ts";
import { computeOnDevice, type DeviceResults, trainedNetworks } from "./compute-on-device.ts";

/** A Vulkan driver that computes on the CPU. Debian's chromium has it. */
const driver = "/usr/lib/chromium/vk_swiftshader_icd.json";
/** The Vulkan loader, of Debian's libvulkan1. Chromium's own copy of it is not on the path of libraries. */
const loader = "/usr/lib/x86_64-linux-gnu/libvulkan.so.1";
const missing = [driver, loader].filter((file) => !existsSync(file));

/** Runs a script of this folder in a process whose Vulkan driver is SwiftShader. Returns the JSON that it prints. */
function onSwiftShader<Result>(script: string): Promise<Result> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const options = { env: { ...process.env, VK_ICD_FILENAMES: driver }, maxBuffer: 2 ** 28 };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ["--import", "tsx", path, "webgpu"], options, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout) as Result);
      else reject(new Error(`${script}: ${error.message}\n${stderr}`));
    });
  });
}

const largestDifference = (left: readonly number[], right: readonly number[]) =>
  Math.max(...left.map((value, index) => Math.abs(value - right[index]!)));

describe.skipIf(missing.length > 0)(
  `WebGPU on a software driver${missing.length > 0 ? ` (${missing.join(" and ")} missing)` : ""}`,
  () => {
    let [cpu, webgpu]: (DeviceResults | undefined)[] = [];
    beforeAll(async () => {
      cpu = await computeOnDevice("cpu");
      webgpu = await onSwiftShader<DeviceResults>("compute-on-device.ts");
    });

    test.each(["fast", "guided", "noisy"] as const)(
      "the %s sampler's images are within 1 of 255 of the CPU's",
      (way) => {
        const [expected, made] = [cpu!.images[way], webgpu!.images[way]];
        expect(new Set(expected).size).toBeGreaterThan(100);
        expect(made).toHaveLength(expected.length);
        expect(largestDifference(expected, made)).toBeLessThanOrEqual(1);
      },
    );

    test("the labels are the CPU's, and so are the probabilities to 1e-5", () => {
      const labels = [cpu!, webgpu!].map(({ probabilities }) =>
        Array.from({ length: probabilities.length / 10 }, (_, image) =>
          argmax(Float32Array.from(probabilities.slice(image * 10, image * 10 + 10))),
        ),
      );
      expect(labels[1]).toEqual(labels[0]);
      expect(largestDifference(cpu!.probabilities, webgpu!.probabilities)).toBeLessThan(1e-5);
    });

    test.each(trainedNetworks)("two training steps of the %s have the CPU's losses to 1e-4", (network) => {
      const [expected, made] = [cpu!.losses[network]!, webgpu!.losses[network]!];
      expect(made).toHaveLength(2);
      expect(largestDifference(expected, made)).toBeLessThan(1e-4);
    });

    test("onnxruntime has exactly the WebGPU kernels of the table that the graphs are checked against", async () => {
      const { kernels } = JSON.parse(readFileSync(new URL("kernels/gpu-kernels.json", import.meta.url), "utf8")) as {
        readonly kernels: Readonly<Record<string, readonly string[]>>;
      };
      const expected = Object.fromEntries(
        Object.entries(kernels).map(([kind, devices]) => [kind, devices.includes("webgpu")]),
      );
      expect(await onSwiftShader("kernels/probe-kernels.ts")).toEqual(expected);
    });
  },
);
