import { retryRequest } from "../remote/retry-request.ts";
import type { UploadTarget } from "./upload-target.ts";

/** `retryRequest` for a file of an upload target. @param name - of the file */
export async function retryUpload<Value>(
  target: UploadTarget,
  name: string,
  signal: AbortSignal,
  attempt: () => Promise<Value>,
): Promise<Value> {
  return await retryRequest(target.urlOf(name), { signal }, attempt);
}
