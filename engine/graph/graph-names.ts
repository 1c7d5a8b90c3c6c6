import { Cifar5mError } from "../../core/errors.ts";

/** What a name stands for. A reserved one is kept for an output. */
export type NameKind = "constant" | "value" | "reserved";

/** The names of the values in a graph and in all graphs inside it. */
export class GraphNames {
  readonly #taken = new Map<string, NameKind>();
  #next = 0;

  /** A name that no value has. */
  newName(prefix: string): string {
    for (;;) {
      const name = `${prefix}${this.#next++}`;
      if (!this.#taken.has(name)) return name;
    }
  }

  /** @throws Cifar5mError `engine/name-taken` */
  take(name: string, kind: NameKind): void {
    const known = this.#taken.get(name);
    // A body may repeat the name of a constant around it, because it looks for its own constants first.
    if (known !== undefined && !(known === "constant" && kind === "constant")) throw nameTaken(name);
    this.#taken.set(name, kind);
  }

  /** @throws Cifar5mError `engine/name-taken` unless the name is free or reserved */
  takeOutput(name: string): void {
    if (this.#taken.get(name) === "reserved") this.#taken.delete(name);
    this.take(name, "value");
  }
}

/** The error for a second value of a name. */
export function nameTaken(name: string): Cifar5mError {
  return new Cifar5mError("engine/name-taken", `the graph has another value "${name}". Choose another name.`);
}
