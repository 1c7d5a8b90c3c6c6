/** What a pickle of CIFAR's Python version holds. Python's strings of bytes are `Buffer`s. */
export type PickleValue =
  | null
  | boolean
  | number
  | string
  | Buffer
  | PickleValue[]
  | Map<string, PickleValue>
  | NumpyType
  | NumpyArray
  | PickledName;

/** A data type of numpy, such as `u1`. */
export class NumpyType {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** An array of numpy. */
export class NumpyArray {
  shape: readonly number[] = [];
  type = "";
  /** Its elements in C order, the last axis fastest, unless `isFortran`. */
  bytes: Buffer = Buffer.alloc(0);
  isFortran = false;
}

/** A function or class of Python. None is ever called: those that make arrays are known by name. */
class PickledName {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * Reads a pickle of dictionaries, lists, numbers, strings and numpy arrays, of the protocols 2 to 5. A pickle is a program for
 * a stack machine that may call any function; here it can make nothing but these values.
 * @throws Error, which says what is wrong, for any other pickle
 * @see the opcodes in Python's Lib/pickletools.py
 */
export function readPickle(bytes: Uint8Array): PickleValue {
  return new PickleReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).read();
}

const mark = Symbol("mark");

class PickleReader {
  readonly #bytes: Buffer;
  #position = 0;
  readonly #stack: (PickleValue | typeof mark)[] = [];
  readonly #memo = new Map<number, PickleValue>();

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(): PickleValue {
    for (;;) {
      const code = this.#take(1)[0]!;
      if (code === 0x2e) return this.#pop(); // STOP
      const operation = operations.get(code);
      if (operation === undefined) {
        throw new Error(
          `opcode 0x${code.toString(16)} at byte ${this.#position - 1} is none of those that such files have`,
        );
      }
      operation(this);
    }
  }

  // What operations need of the machine.

  number(size: 1 | 2 | 4 | 8): number {
    const bytes = this.#take(size);
    return size === 8 ? Number(bytes.readBigUInt64LE()) : bytes.readUIntLE(0, size);
  }

  signed(size: number): number {
    return size === 0 ? 0 : this.#take(size).readIntLE(0, size);
  }

  bytes(sizeOfLength: 1 | 4 | 8): Buffer {
    return this.#take(this.number(sizeOfLength));
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#position);
    return this.#take((end === -1 ? this.#bytes.length : end) - this.#position + 1)
      .toString("latin1")
      .trimEnd();
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  mark(): void {
    this.#stack.push(mark);
  }

  pop(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.#pop()).reverse();
  }

  popToMark(): PickleValue[] {
    const start = this.#stack.lastIndexOf(mark);
    if (start === -1) throw new Error("a list begins nowhere");
    return this.#stack.splice(start).slice(1) as PickleValue[];
  }

  top(): PickleValue {
    const [value] = this.pop(1);
    this.push(value!);
    return value!;
  }

  remember(index = this.#memo.size): void {
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw new Error(`value ${index} is used before it is made`);
    this.push(value);
  }

  #pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined || value === mark) throw new Error("a value is missing");
    return value;
  }

  #take(count: number): Buffer {
    if (count > this.#bytes.length - this.#position) throw new Error("it is cut");
    this.#position += count;
    return this.#bytes.subarray(this.#position - count, this.#position);
  }
}

const operations: ReadonlyMap<number, (reader: PickleReader) => void> = new Map([
  [0x80, (reader) => void reader.number(1)], // PROTO
  [0x95, (reader) => void reader.number(8)], // FRAME
  [0x28, (reader) => reader.mark()], // MARK
  [0x7d, (reader) => reader.push(new Map())], // EMPTY_DICT
  [0x5d, (reader) => reader.push([])], // EMPTY_LIST
  [0x29, (reader) => reader.push([])], // EMPTY_TUPLE
  [0x74, (reader) => reader.push(reader.popToMark())], // TUPLE
  [0x85, (reader) => reader.push(reader.pop(1))], // TUPLE1
  [0x86, (reader) => reader.push(reader.pop(2))], // TUPLE2
  [0x87, (reader) => reader.push(reader.pop(3))], // TUPLE3
  [0x4e, (reader) => reader.push(null)], // NONE
  [0x88, (reader) => reader.push(true)], // NEWTRUE
  [0x89, (reader) => reader.push(false)], // NEWFALSE
  [0x4b, (reader) => reader.push(reader.number(1))], // BININT1
  [0x4d, (reader) => reader.push(reader.number(2))], // BININT2
  [0x4a, (reader) => reader.push(reader.signed(4))], // BININT
  [0x8a, (reader) => reader.push(reader.signed(reader.number(1)))], // LONG1
  [0x55, (reader) => reader.push(reader.bytes(1))], // SHORT_BINSTRING
  [0x54, (reader) => reader.push(reader.bytes(4))], // BINSTRING
  [0x43, (reader) => reader.push(reader.bytes(1))], // SHORT_BINBYTES
  [0x42, (reader) => reader.push(reader.bytes(4))], // BINBYTES
  [0x8e, (reader) => reader.push(reader.bytes(8))], // BINBYTES8
  [0x96, (reader) => reader.push(reader.bytes(8))], // BYTEARRAY8
  [0x8c, (reader) => reader.push(reader.bytes(1).toString())], // SHORT_BINUNICODE
  [0x58, (reader) => reader.push(reader.bytes(4).toString())], // BINUNICODE
  [0x8d, (reader) => reader.push(reader.bytes(8).toString())], // BINUNICODE8
  [0x71, (reader) => reader.remember(reader.number(1))], // BINPUT
  [0x72, (reader) => reader.remember(reader.number(4))], // LONG_BINPUT
  [0x94, (reader) => reader.remember()], // MEMOIZE
  [0x68, (reader) => reader.recall(reader.number(1))], // BINGET
  [0x6a, (reader) => reader.recall(reader.number(4))], // LONG_BINGET
  [0x61, (reader) => appendAll(reader, reader.pop(1))], // APPEND
  [0x65, (reader) => appendAll(reader, reader.popToMark())], // APPENDS
  [0x73, (reader) => setAll(reader, reader.pop(2))], // SETITEM
  [0x75, (reader) => setAll(reader, reader.popToMark())], // SETITEMS
  [0x63, (reader) => reader.push(new PickledName(`${reader.line()}.${reader.line()}`))], // GLOBAL
  [0x93, (reader) => reader.push(new PickledName(reader.pop(2).join(".")))], // STACK_GLOBAL
  [0x52, (reader) => reader.push(call(...(reader.pop(2) as [PickleValue, PickleValue])))], // REDUCE
  [0x62, (reader) => build(reader.pop(1)[0]!, reader.top())], // BUILD
] satisfies [number, (reader: PickleReader) => void][]);

function appendAll(reader: PickleReader, values: readonly PickleValue[]): void {
  const list = reader.top();
  if (!Array.isArray(list)) throw new Error("a value is appended to what is not a list");
  for (const value of values) list.push(value);
}

function setAll(reader: PickleReader, values: readonly PickleValue[]): void {
  const map = reader.top();
  if (!(map instanceof Map)) throw new Error("a key is set in what is not a dictionary");
  for (let index = 0; index + 1 < values.length; index += 2) map.set(textOf(values[index]!), values[index + 1]!);
}

/** Python 2 had no strings but those of bytes. */
export function textOf(value: PickleValue): string {
  return Buffer.isBuffer(value) ? value.toString("latin1") : String(value);
}

/** The few calls that make arrays. Modules of numpy have moved from release to release. */
function call(callee: PickleValue, given: PickleValue): PickleValue {
  const name = callee instanceof PickledName ? callee.name.replace(/^numpy\._?core\.\w+\./, "numpy.") : "";
  const args = Array.isArray(given) ? given : [];
  switch (name) {
    case "numpy._reconstruct":
      return new NumpyArray();
    case "numpy.dtype":
      return new NumpyType(textOf(args[0] ?? ""));
    case "_codecs.encode":
      return Buffer.from(textOf(args[0] ?? ""), "latin1");
    case "numpy._frombuffer": {
      const [bytes, type, shape, order] = args;
      const array = new NumpyArray();
      fill(array, { shape, type, isFortran: order === "F", bytes });
      return array;
    }
    default:
      throw new Error(
        `it calls ${name === "" ? "what is not a function" : (callee as PickledName).name}, which such files do not`,
      );
  }
}

/** Gives an array its elements. The state of a data type is its byte order, which bytes do not have. */
function build(state: PickleValue, target: PickleValue): void {
  if (target instanceof NumpyType) return;
  if (!(target instanceof NumpyArray) || !Array.isArray(state)) throw new Error("it restores what is not an array");
  const [, shape, type, isFortran, bytes] = state;
  fill(target, { shape, type, isFortran: isFortran === true, bytes });
}

function fill(
  array: NumpyArray,
  given: Readonly<Record<"shape" | "type" | "bytes", PickleValue | undefined>> & { readonly isFortran: boolean },
): void {
  const { shape, type, bytes, isFortran } = given;
  if (!Array.isArray(shape) || !(type instanceof NumpyType) || !Buffer.isBuffer(bytes)) {
    throw new Error("an array has no shape, type or bytes");
  }
  Object.assign(array, { shape: shape.map(Number), type: type.name, bytes, isFortran });
}
