/**
 * Checks that Arrow's metadata, which is a flatbuffer, stays within its bytes. Arrow's decoder trusts every length that
 * it reads: a damaged length of 100 million keeps it busy for hours.
 * @see https://flatbuffers.dev/internals, and Schema.fbs, Message.fbs and File.fbs of Apache Arrow
 */

/** The content of a slot, where it is not a number in the table itself. */
type Slot =
  | { readonly kind: "string" }
  /** A vector of numbers or structs of so many bytes. */
  | { readonly kind: "vector"; readonly elementBytes: number }
  | { readonly kind: "table" | "tables"; readonly of: TableName };

type TableName = "Footer" | "Schema" | "Field" | "KeyValue" | "Message" | "RecordBatch" | "Leaf";

const string: Slot = { kind: "string" };
const vector = (elementBytes: number): Slot => ({ kind: "vector", elementBytes });
const table = (of: TableName): Slot => ({ kind: "table", of });
const tables = (of: TableName): Slot => ({ kind: "tables", of });

/** Slots by their number. Slots that are missing here are numbers. */
const slots: Readonly<Record<TableName, Readonly<Record<number, Slot>>>> = {
  Footer: { 1: table("Schema"), 2: vector(24), 3: vector(24), 4: tables("KeyValue") },
  Schema: { 1: tables("Field"), 2: tables("KeyValue"), 3: vector(8) },
  Field: { 0: string, 3: table("Leaf"), 4: table("Leaf"), 5: tables("Field"), 6: tables("KeyValue") },
  KeyValue: { 0: string, 1: string },
  Message: { 2: table("RecordBatch"), 4: tables("KeyValue") },
  RecordBatch: { 1: vector(16), 2: vector(16), 3: table("Leaf"), 4: vector(8) },
  Leaf: {},
};

/** Slot of a message that holds the type of its header, and the type's number for a record batch. */
const headerTypeSlot = 1;
const recordBatchType = 3;

/** Depth limit of nested fields; ours have two levels. */
const maxDepth = 32;
/** Writers may use a text twice. Bytes that are visited more often than this are an attack. */
const maxVisits = 8;

/**
 * @param bytes - the footer of an IPC file, without its length
 * @throws Error if a length or an offset points outside, or if the same bytes are used over and over
 */
export function requireFooter(bytes: Uint8Array): void {
  new Checker(bytes).checkRoot("Footer");
}

/**
 * @param bytes - the metadata of a record batch, without its length
 * @throws as `requireFooter`; also for a message of another kind
 */
export function requireRecordBatchMessage(bytes: Uint8Array): void {
  const checker = new Checker(bytes);
  if (checker.readHeaderType() !== recordBatchType) throw new Error("a footer entry is not a record batch");
  checker.checkRoot("Message");
}

class Checker {
  readonly #view: DataView;
  /** Number of bytes that may still be visited. */
  #budget: number;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#budget = maxVisits * bytes.byteLength;
  }

  checkRoot(name: TableName): void {
    this.#checkTable(this.#targetOf(0), name, 0);
  }

  readHeaderType(): number | undefined {
    const position = this.#slotsOf(this.#targetOf(0))[headerTypeSlot];
    return position === undefined ? undefined : this.#view.getUint8(position);
  }

  #checkTable(position: number, name: TableName, depth: number): void {
    if (depth > maxDepth) throw new Error(`it is nested more than ${maxDepth} deep`);
    const positions = this.#slotsOf(position);
    for (const [slot, what] of Object.entries(slots[name])) {
      const at = positions[Number(slot)];
      if (at === undefined) continue;
      const target = this.#targetOf(at);
      if (what.kind === "table") {
        this.#checkTable(target, what.of, depth + 1);
        continue;
      }
      const elementBytes = what.kind === "vector" ? what.elementBytes : what.kind === "tables" ? 4 : 1;
      const numElements = this.#view.getUint32(target, true);
      this.#visit(target + 4, numElements * elementBytes);
      if (what.kind !== "tables") continue;
      for (let index = 0; index < numElements; index++) {
        this.#checkTable(this.#targetOf(target + 4 + 4 * index), what.of, depth + 1);
      }
    }
  }

  /** Positions of a table's slots, by number; undefined for a missing slot. */
  #slotsOf(position: number): readonly (number | undefined)[] {
    const vtable = position - this.#view.getInt32(position, true);
    // Arrow's decoder reads these numbers as signed.
    const [vtableBytes, tableBytes] = [this.#view.getInt16(vtable, true), this.#view.getInt16(vtable + 2, true)];
    if (vtableBytes < 4 || vtableBytes % 2 !== 0 || tableBytes < 4) {
      throw new Error(`a table cannot have ${tableBytes} bytes, described in ${vtableBytes}`);
    }
    this.#visit(vtable, vtableBytes);
    this.#visit(position, tableBytes);
    return Array.from({ length: (vtableBytes >> 1) - 2 }, (_, slot) => {
      const offset = this.#view.getInt16(vtable + 4 + 2 * slot, true);
      if (offset < 0) throw new Error("a table points before itself");
      return offset === 0 ? undefined : position + offset;
    });
  }

  /** The position that an offset points to. Offsets point forward. */
  #targetOf(position: number): number {
    return position + this.#view.getUint32(position, true);
  }

  #visit(position: number, bytes: number): void {
    if (position + bytes > this.#view.byteLength) {
      throw new Error(`${bytes} bytes at ${position} reach beyond its ${this.#view.byteLength}`);
    }
    this.#budget -= bytes;
    if (this.#budget < 0) throw new Error("the same bytes are used over and over");
  }
}
