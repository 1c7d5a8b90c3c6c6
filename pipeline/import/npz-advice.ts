import { imageBytes } from "../../core/image-layout.ts";
import type { NpyHeader } from "./npy-header.ts";

type ArrayHeader = Pick<NpyHeader, "descr" | "shape">;

/**
 * How to convert `X` in numpy. The user must know the meaning of the numbers or rows, so the advice names each case.
 */
export function adviseOnImages(header: ArrayHeader): string {
  return adviseOnImageShape(header.shape) ?? adviseOnPixelType(header.descr);
}

/** How to convert `Y` in numpy. @param numRows - number of rows of `X` */
export function adviseOnLabels({ descr, shape }: ArrayHeader, numRows: number): string {
  const [rows, width] = shape;
  if (rows !== numRows) return "Save the labels that belong to these images, one each.";
  if (shape.length === 2 && width === 1) return "Save Y[:, 0].";
  if (shape.length === 2) return "If each row is one-hot, or holds scores of the classes, save Y.argmax(1).";
  if (shape.length > 1) return "Save one class number an image.";
  if (/[US]/.test(descr)) {
    return "Save the second result of numpy.unique(Y, return_inverse=True), and its first, one a line, in class-names.txt beside the file.";
  }
  return 'If these are class numbers, save Y.astype("int64").';
}

/** Undefined if the shape is right. */
function adviseOnImageShape(shape: readonly number[]): string | undefined {
  const [, ...image] = shape;
  switch (image.join()) {
    case "32,32,3":
      return undefined;
    case "3,32,32":
      return "Save X.transpose(0, 2, 3, 1).";
    case "32,32":
      return "If these are gray pictures, save numpy.stack([X, X, X], axis=3).";
    case "32,32,1":
      return "Save numpy.repeat(X, 3, axis=3).";
    case "1,32,32":
      return "Save numpy.repeat(X, 3, axis=1).transpose(0, 2, 3, 1).";
    case "32,32,4":
      return "If the fourth channel is opacity, and all of it full, save X[..., :3].";
    case String(imageBytes):
      return (
        "If each row holds its red, green and blue planes, as those of CIFAR-10 do, save X.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1); " +
        "if it holds pixel after pixel, save X.reshape(-1, 32, 32, 3)."
      );
  }
  if (shape.length === 4 && shape.slice(0, 3).join() === "32,32,3") return "Save X.transpose(3, 0, 1, 2).";
  if (shape.length === 4 && shape.slice(0, 3).join() === "3,32,32") return "Save X.transpose(3, 1, 2, 0).";
  return "Save color pictures of 32×32 pixels, height before width before channel: scale others, reshaping would mix their pixels.";
}

function adviseOnPixelType(descr: string): string {
  if (/^[<>=|]?[iu]\d+$/.test(descr)) return 'If its numbers lie in [0, 255], save X.astype("uint8").';
  if (/^[<>=|]?b1$/.test(descr)) return 'Save (X * 255).astype("uint8").';
  if (/^[<>=|]?f\d+$/.test(descr)) {
    return (
      'If its numbers lie in [0, 1], save (X * 255).round().astype("uint8"); in [-1, 1], ' +
      '((X + 1) * 127.5).round().astype("uint8"); in [0, 255], X.round().astype("uint8").'
    );
  }
  return "Save pixels as whole numbers from 0 to 255.";
}
