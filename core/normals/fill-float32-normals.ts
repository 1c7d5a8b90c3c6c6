import { openKernel } from "../open-kernel.ts";
import { fillNormals, type RandomSource } from "../random.ts";
import { normalsKernel } from "./normals-kernel.ts";

interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly capacity: { readonly value: number };
  readonly circleTable: { readonly value: number };
  readonly logTable: { readonly value: number };
  readonly doubtful: { readonly value: number };
  readonly numbers: { readonly value: number };
  fillNormals(
    key0: number,
    key1: number,
    idLow: number,
    idHigh: number,
    stream: number,
    firstBlock: number,
    numBlocks: number,
  ): number;
  scaleNormals(count: number, factor: number): void;
}

const twoToThe32 = 4294967296;

/**
 * Fills `out` with the numbers of `fillNormals`, to the last bit, several times as fast.
 * @param factor - what each number is then multiplied by; the product is rounded to float32 once more
 */
export function fillFloat32Normals(source: RandomSource, out: Float32Array, factor = 1): void {
  const { kernel, numbers, doubtful } = openNormals();
  const { seed, id, stream, skip = 0 } = source;
  const pair = new Float32Array(4);
  for (let start = 0; start < out.length; start += numbers.length) {
    const count = Math.min(numbers.length, out.length - start);
    const numDoubtful = kernel.fillNormals(
      seed >>> 0,
      Math.floor(seed / twoToThe32) >>> 0,
      id >>> 0,
      Math.floor(id / twoToThe32) >>> 0,
      stream,
      (skip + start) / 4,
      Math.ceil(count / 4),
    );
    for (const index of doubtful.subarray(0, numDoubtful)) {
      const block = index >>> 1;
      fillNormals({ ...source, skip: skip + start + 4 * block }, pair);
      const first = 2 * (index & 1);
      numbers.set(pair.subarray(first, first + 2), 2 * index);
    }
    if (factor !== 1) kernel.scaleNormals(count, factor);
    out.set(numbers.subarray(0, count), start);
  }
}

interface OpenNormals {
  readonly kernel: Kernel;
  /** Where the kernel writes its numbers, and the indices of pairs to be computed again. */
  readonly numbers: Float32Array;
  readonly doubtful: Int32Array;
}

let opened: OpenNormals | undefined;

/** Each thread has its own kernel, made when it is first needed. */
function openNormals(): OpenNormals {
  if (opened !== undefined) return opened;
  const kernel = openKernel<Kernel>(normalsKernel);
  const { buffer } = kernel.memory;
  const capacity = kernel.capacity.value;
  fillCircleTable(new Float64Array(buffer, kernel.circleTable.value, 2 * 512));
  fillLogTable(new Float64Array(buffer, kernel.logTable.value, 2 * 64 * 128));
  opened = {
    kernel,
    numbers: new Float32Array(buffer, kernel.numbers.value, capacity),
    doubtful: new Int32Array(buffer, kernel.doubtful.value, capacity / 2),
  };
  return opened;
}

function fillCircleTable(table: Float64Array): void {
  for (let part = 0; part < 512; part++) {
    const angle = (2 * Math.PI * (part + 0.5)) / 512;
    table[2 * part] = Math.cos(angle);
    table[2 * part + 1] = Math.sin(angle);
  }
}

/** Octaves from 2⁻¹, the exponent of the smallest number, to 2³¹. */
function fillLogTable(table: Float64Array): void {
  for (let octave = -1; octave < 32; octave++) {
    for (let part = 0; part < 128; part++) {
      // A number of 20 bits, so that its product with one of 33 bits is exact.
      const inverse = part === 127 ? 1 / 2 : Math.round(2 ** 20 / (1 + (part + 0.5) / 128)) / 2 ** 20;
      const entry = 2 * (((octave + 1023) % 64) * 128 + part);
      table[entry] = inverse * 2 ** -octave;
      // Exactly 0 where c is 2³².
      table[entry + 1] = 2 * Math.log(inverse) + 2 * (32 - octave) * Math.LN2;
    }
  }
}
