import { createHash } from "node:crypto";
import type { LabeledImages } from "../core/image-layout.ts";

/** Hexadecimal sha256 of bytes, or of the UTF-8 bytes of a string. */
export function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Identifies the images and labels that a model is trained on. */
export function hashOfImages({ images, labels }: LabeledImages): string {
  return createHash("sha256").update(images).update(labels).digest("hex");
}
