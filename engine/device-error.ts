import { Cifar5mError } from "../core/errors.ts";
import { plainText } from "../core/plain-text.ts";

/** The error `engine/device-missing`: an engine cannot use a device on this machine. */
export class DeviceError extends Cifar5mError {
  /** Why, and what to do about it. The message frames it with the device and other advice. */
  readonly reason: string;

  /** @param subject - what cannot use the device, such as `onnxruntime` */
  constructor(subject: string, device: string, reason: string, options?: { readonly cause?: unknown }) {
    const message = `${subject} cannot use the device "${device}" here: ${reason} Or use --device cpu.`;
    super("engine/device-missing", message, options);
    this.reason = plainText(reason);
  }
}
