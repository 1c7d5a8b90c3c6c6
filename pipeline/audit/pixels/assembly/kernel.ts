/**
 * Sums over two images of 32×32 pixels, in AssemblyScript with SIMD. `scripts/maintain/make-kernels.ts` compiles this file.
 * All sums are of integers and fit into 32 bits.
 */

const rowBytes: usize = 96;
const imageBytes: usize = 3072;
/** Side of the middle of an image, which is inside another one for all shifts by one pixel. */
const side: i32 = 30;
/** Shifts in one direction. */
const numShifts: i32 = 3;

/** Addresses in bytes. The image; the caller writes it. */
export const image: usize = 0;
const mirrored: usize = image + imageBytes;
/** The reference; the caller writes it. Vectors read a little beyond its end. */
export const reference: usize = mirrored + imageBytes;
/** The middle of the image, and of its mirror image: rows of 90 bytes and 6 zeros. */
const middle: usize = reference + imageBytes + 128;
const mirroredMiddle: usize = middle + 30 * rowBytes;
/** Of each row of the reference and each shift to the right: sums of red, green, blue and squares, int32. */
const rowSums: usize = mirroredMiddle + 30 * rowBytes;
/** The same sums of the middle of the image. */
export const middleSums: usize = rowSums + 32 * 3 * 16;
/** Of each shift down, then to the right: the same sums of that window of the reference. */
export const windowSums: usize = middleSums + 16;
/** Of each shift: the product of the middle of the image with that window. */
export const products: usize = windowSums + 9 * 16;

/** Prepares the image that the caller has written. */
export function prepareImage(): void {
  for (let y: usize = 0; y < 32; y++) {
    const row = image + y * rowBytes;
    for (let x: usize = 0; x < 32; x++) {
      const target = mirrored + y * rowBytes + (31 - x) * 3;
      for (let c: usize = 0; c < 3; c++) store<u8>(target + c, load<u8>(row + x * 3 + c));
    }
  }
  for (let y: usize = 0; y < 30; y++) {
    memory.copy(middle + y * rowBytes, image + (y + 1) * rowBytes + 3, 90);
    memory.copy(mirroredMiddle + y * rowBytes, mirrored + (y + 1) * rowBytes + 3, 90);
  }
  sumRows(image);
  sumWindow(1, 1, middleSums);
}

/** The squared distance between the reference and the image, or its mirror image. */
export function squaredDistance(isMirrored: bool): i32 {
  const start = isMirrored ? mirrored : image;
  let sum = i32x4.splat(0);
  for (let offset: usize = 0; offset < imageBytes; offset += 16) {
    const a = v128.load(start + offset);
    const b = v128.load(reference + offset);
    const difference = v128.sub<u8>(v128.max<u8>(a, b), v128.min<u8>(a, b));
    const low = i16x8.extend_low_i8x16_u(difference);
    const high = i16x8.extend_high_i8x16_u(difference);
    sum = i32x4.add(sum, i32x4.add(i32x4.dot_i16x8_s(low, low), i32x4.dot_i16x8_s(high, high)));
  }
  return sumOfLanes(sum);
}

/** Fills `windowSums`. */
export function sumWindows(): void {
  sumRows(reference);
  for (let top = 0; top < numShifts; top++) {
    for (let left = 0; left < numShifts; left++) sumWindow(top, left, windowSums + (top * numShifts + left) * 16);
  }
}

/** Fills `products`. */
export function multiplyWindows(isMirrored: bool): void {
  const start = isMirrored ? mirroredMiddle : middle;
  for (let top = 0; top < numShifts; top++) {
    for (let left = 0; left < numShifts; left++) {
      let sum = i32x4.splat(0);
      const shifted = reference + top * rowBytes + left * 3;
      // The zeros at the end of each row of the middle meet bytes of the next row.
      for (let offset: usize = 0; offset < <usize>side * rowBytes; offset += 16) {
        const a = v128.load(start + offset);
        const b = v128.load(shifted + offset);
        const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(a), i16x8.extend_low_i8x16_u(b));
        const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(a), i16x8.extend_high_i8x16_u(b));
        sum = i32x4.add(sum, i32x4.add(low, high));
      }
      store<i32>(products + (top * numShifts + left) * 4, sumOfLanes(sum));
    }
  }
}

function sumOfLanes(sum: v128): i32 {
  return (
    i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3)
  );
}

/** Red, green, blue and their squares. */
function sumsOfPixel(address: usize): v128 {
  const r: i32 = load<u8>(address);
  const g: i32 = load<u8>(address + 1);
  const b: i32 = load<u8>(address + 2);
  let sums = i32x4.splat(r);
  sums = i32x4.replace_lane(sums, 1, g);
  sums = i32x4.replace_lane(sums, 2, b);
  return i32x4.replace_lane(sums, 3, r * r + g * g + b * b);
}

/** Fills `rowSums` for one of the images: all pixels of a row without two at its ends. */
function sumRows(start: usize): void {
  for (let y: usize = 0; y < 32; y++) {
    const row = start + y * rowBytes;
    let all = i32x4.splat(0);
    for (let x: usize = 0; x < 32; x++) all = i32x4.add(all, sumsOfPixel(row + x * 3));
    const target = rowSums + y * 3 * 16;
    for (let left: usize = 0; left < 3; left++) {
      // Of the pixels 0, 1, 30 and 31, those outside of left … left + 29.
      let inside = all;
      if (left > 0) inside = i32x4.sub(inside, sumsOfPixel(row));
      if (left > 1) inside = i32x4.sub(inside, sumsOfPixel(row + 3));
      if (left < 1) inside = i32x4.sub(inside, sumsOfPixel(row + 90));
      if (left < 2) inside = i32x4.sub(inside, sumsOfPixel(row + 93));
      v128.store(target + left * 16, inside);
    }
  }
}

function sumWindow(top: i32, left: i32, target: usize): void {
  let sum = i32x4.splat(0);
  for (let y = top; y < top + side; y++) sum = i32x4.add(sum, v128.load(rowSums + (<usize>y * 3 + left) * 16));
  v128.store(target, sum);
}
