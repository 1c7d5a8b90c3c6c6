import { crc32, deflateSync } from "node:zlib";
import { imageChannels, imageSide } from "../../core/image-layout.ts";

const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const rowBytes = imageSide * imageChannels;
/** The filter that stores each byte as its difference from the pixel to the left. */
const subFilter = 1;
const header = makeChunk("IHDR", makeHeader());
const end = makeChunk("IEND", new Uint8Array(0));

/**
 * Encodes an image as a PNG: 8-bit RGB, lossless. For images this small a picture library costs a thread and eight
 * times as much time; see the decision on imports and exports.
 * @param image - uint8, shape [32, 32, 3] flattened
 * @see https://www.w3.org/TR/png-3/
 */
export function encodePng(image: Uint8Array): Uint8Array {
  const filtered = new Uint8Array(imageSide * (rowBytes + 1));
  for (let row = 0; row < imageSide; row++) {
    const target = row * (rowBytes + 1);
    filtered[target] = subFilter;
    for (let x = 0; x < rowBytes; x++) {
      const left = x < imageChannels ? 0 : image[row * rowBytes + x - imageChannels]!;
      filtered[target + 1 + x] = image[row * rowBytes + x]! - left;
    }
  }
  return Buffer.concat([signature, header, makeChunk("IDAT", deflateSync(filtered)), end]);
}

function makeHeader(): Uint8Array {
  const bytes = Buffer.alloc(13);
  bytes.writeUInt32BE(imageSide, 0);
  bytes.writeUInt32BE(imageSide, 4);
  // Bits per sample, color type RGB, and the only defined methods of compression, filtering and no interlacing.
  bytes.set([8, 2, 0, 0, 0], 8);
  return bytes;
}

function makeChunk(type: string, data: Uint8Array): Uint8Array {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, "latin1");
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
}
