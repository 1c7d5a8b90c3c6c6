/**
 * What `probeTarget` runs as a process of its own: a native library that crashes, or ends its process, takes only this
 * one down.
 */

import { readFile } from "node:fs/promises";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { add, createEngine, type Engine, Graph, tensorData } from "../../engine/index.ts";
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
    await requireWorking(engine);
    if (weightsPath === undefined) return { usable: true };
    return { usable: true, speed: await measureNetwork(engine, target, await readFile(weightsPath)) };
  } catch (thrown) {
    const [firstLine = ""] = messageOf(thrown).split("\n", 1);
    return { usable: false, reason: thrown instanceof Cifar5mError ? withoutFrame(firstLine) : firstLine };
  }
}

/** Drops the parts of a message that repeat the engine and the device, which are listed beside it. */
function withoutFrame(message: string): string {
  return message.replace(/^.*? here: (@tensorflow\S+: )?/, "").replace(/ Or use --device cpu\.$/, "");
}

async function openEngine({ engine, device, packageName }: ProbeTarget): Promise<Engine> {
  return packageName === undefined ? await createEngine(engine, { device }) : await tfjsEngine({ device, packageName });
}

async function requireWorking(engine: Engine): Promise<void> {
  const graph = new Graph();
  graph.output("y", add(graph.input("x", "float32", [2]), 1));
  const executable = await engine.compile(graph);
  const { y } = await executable.run({ x: tensorData("float32", [2], [1, 2]) });
  await executable.release();
  if (String(y?.data) !== "2,3") throw new Error(`it computes [1, 2] + 1 = [${String(y?.data)}]`);
}
