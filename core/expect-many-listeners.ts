/** Lets any number of loops listen to a signal. Node warns where more than ten do, as of a leak; browsers do not. */
export function expectManyListeners(signal: AbortSignal): void {
  globalThis.process?.getBuiltinModule?.("node:events").setMaxListeners(0, signal);
}
