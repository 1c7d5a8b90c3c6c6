import { Cifar5mError, hasCode, messageOf } from "../core/errors.ts";

export const outOfMemory = "engine/out-of-memory";

/** How onnxruntime, CUDA, WebGPU, TensorFlow and V8 report that memory is insufficient. */
const signs: readonly RegExp[] = [
  /out of memory/i,
  /failed to allocate memory/i,
  /bad_alloc/,
  /cudaErrorMemoryAllocation|_ALLOC_FAILED|VK_ERROR_OUT_OF_/,
  /\bOOM when allocating/,
  /array buffer allocation failed/i,
  // WebGPU reports a buffer that it could not create only when the buffer is used. It splits a buffer above its limits
  // into too many pieces.
  /allocation size too large|exceeds the max buffer size|\[invalid buffer|too many storage buffers in shader/i,
];

/**
 * Runs `work` and gives all memory errors of the device one code.
 * @throws Cifar5mError `engine/out-of-memory`; anything else that `work` throws
 */
export async function namingMemoryErrors<Result>(device: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    const reason = memoryReason(messageOf(thrown));
    if (thrown instanceof Cifar5mError || reason === undefined) throw thrown;
    throw new Cifar5mError(
      outOfMemory,
      `the device "${device}" is out of memory: ${reason}. Use a smaller batch size, or another --device.`,
      { cause: thrown },
    );
  }
}

export function isOutOfMemory(thrown: unknown): boolean {
  return hasCode(thrown, outOfMemory);
}

/** The part of a message that reports insufficient memory, or undefined if no part does. */
function memoryReason(message: string): string | undefined {
  const start = Math.max(...signs.map((sign) => message.search(sign)));
  return start < 0
    ? undefined
    : message
        .slice(start)
        .split("\n", 1)[0]!
        .replace(/[.\s]+$/, "");
}
