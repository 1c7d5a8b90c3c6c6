/** The part of WebAssembly that is used here; TypeScript declares it for browsers only. */
interface Wasm {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

/**
 * Instantiates a kernel, with memory of its own.
 * @param base64 - a WebAssembly module that imports nothing
 * @returns its exports
 */
export function openKernel<Exports>(base64: string): Exports {
  const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: Wasm }).WebAssembly;
  const module = new Module(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  return new Instance(module).exports as Exports;
}
