/**
 * The process that `probeTarget` starts. A native library that crashes, or ends its process, ends only this process.
 */

import { readFile } from "node:fs/promises";
import { messageOf } from "../../core/errors.ts";
import { createEngine } from "../../engine/create-engine.ts";
import { DeviceError } from "../../engine/device-error.ts";
import type { Engine } from "../../engine/executor.ts";
import { probeEngine } from "../../engine/probe-engine.ts";
import { tfjsEngine } from "../../engine/tfjs/tfjs-engine.ts";
import { measureNetwork } from "./measure-network.ts";
import type { ProbeAnswer, ProbeTarget, ProbeTask } from "./probe-task.ts";

process.once("message", async (task: ProbeTask) => {
  const reply = await answer(task);
  process.send?.(reply, () => process.disconnect());
});

async function answer({ target, weightsPath }: ProbeTask): Promise<ProbeAnswer> {
  try {
    const engine = await openEngine(target);
    await probeEngine(engine);
    if (weightsPath === undefined) return { usable: true };
    return { usable: true, speed: await measureNetwork(engine, target, await readFile(weightsPath)) };
  } catch (thrown) {
    const [firstLine = ""] = messageOf(thrown).split("\n", 1);
    return { usable: false, reason: thrown instanceof DeviceError ? thrown.reason : firstLine };
  }
}

async function openEngine({ engine, device, packageName }: ProbeTarget): Promise<Engine> {
  return packageName === undefined ? await createEngine(engine, { device }) : await tfjsEngine({ device, packageName });
}
