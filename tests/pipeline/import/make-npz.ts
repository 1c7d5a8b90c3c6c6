import { crc32, deflateRawSync } from "node:zlib";

/** A member of a zip. Its lies are false values for the headers. */
export interface ZipMember {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly deflate?: boolean;
  readonly saysBytes?: number;
  readonly saysCrc?: number;
}

/** A zip without zip64. Its headers may be false. */
export function makeZip(members: readonly ZipMember[]): Uint8Array {
  const locals: Uint8Array[] = [];
  const centrals: Uint8Array[] = [];
  let position = 0;
  for (const { name, bytes, deflate = false, saysBytes = bytes.length, saysCrc = crc32(bytes) } of members) {
    const packed = deflate ? deflateRawSync(bytes) : bytes;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(deflate ? 8 : 0, 4);
    common.writeUInt32LE(saysCrc, 10);
    common.writeUInt32LE(deflate ? packed.length : saysBytes, 14);
    common.writeUInt32LE(saysBytes, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(position, 10);
    centrals.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x00"), common, tail, Buffer.from(name)]));
    locals.push(local);
    position += local.length;
  }
  const central = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(position, 16);
  return Buffer.concat([...locals, central, end]);
}

/** A .npy file, version 1.0, with a header as numpy writes it. */
export function makeNpy(
  descr: string,
  shape: readonly number[],
  data: Uint8Array,
  options: { readonly fortran?: boolean } = {},
): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const order = options.fortran === true ? "True" : "False";
  const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${sizes}), }\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(text.length);
  return Buffer.concat([Buffer.from("\x93NUMPY\x01\x00", "latin1"), length, Buffer.from(text), data]);
}
