import type * as Files from "node:fs/promises";

/** What a disk does at one of its calls, counted from 0: fail before or after the call did its work, or lose power there. */
export interface Fault {
  readonly call: number;
  readonly moment: "before" | "after";
  /** `error`: this call fails with EIO, later ones work. `death`: it and all later ones fail, as if the process were gone. */
  readonly kind: "error" | "death";
}

/** A disk whose calls are counted, and one of which may fail. */
export class FaultyDisk {
  #fault: Fault | undefined;
  /** Names of the calls since `arm`, in order. */
  readonly calls: string[] = [];

  arm(fault: Fault | undefined): void {
    this.#fault = fault;
    this.calls.length = 0;
  }

  /** `node:fs/promises` on this disk: every function that the commit path may use, and every method of its file handles. */
  wrap(real: typeof Files): typeof Files {
    const names = ["access", "link", "mkdir", "open", "readFile", "readdir", "rename", "rm", "stat", "unlink"] as const;
    const wrapped = Object.fromEntries(
      names.map((name) => [
        name,
        (...args: unknown[]) => this.#call(name, () => Reflect.apply(real[name], real, args)),
      ]),
    );
    return { ...real, ...wrapped, default: { ...real, ...wrapped } } as typeof Files;
  }

  async #call(name: string, work: () => Promise<unknown>): Promise<unknown> {
    const index = this.calls.push(name) - 1;
    const fault = this.#fault;
    const isHere = fault?.call === index;
    const isDead = fault?.kind === "death" && index > fault.call;
    // Descriptors must not leak; a dead process's are closed by the system.
    if ((isHere && fault.moment === "before") || isDead) {
      if (name === "close") await work();
      throw failure(name);
    }
    const result = await work();
    if (isHere && fault.moment === "after") {
      if (name === "open") await (result as Files.FileHandle).close();
      throw failure(name);
    }
    return name === "open" ? this.#wrapHandle(result as Files.FileHandle) : result;
  }

  #wrapHandle(handle: Files.FileHandle): Files.FileHandle {
    return new Proxy(handle, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => this.#call(String(name), () => Reflect.apply(value, target, args));
      },
    });
  }
}

function failure(name: string): Error {
  return Object.assign(new Error(`EIO: i/o error, ${name}`), { code: "EIO" });
}
