import { Cifar5mError } from "../core/errors.ts";

/** A device as `--device` names it: what kind, and which one where a machine has several. */
export interface DeviceName {
  readonly kind: string;
  /** The number of `cuda:1`; undefined where none is given. */
  readonly index: number | undefined;
}

/** @throws Cifar5mError `engine/unknown-device` unless the name is a kind, or one with a number: `cuda`, `cuda:1` */
export function parseDevice(name: string): DeviceName {
  const [, kind, digits] = /^([^:]+)(?::(\d+))?$/.exec(name) ?? [];
  if (kind !== undefined) return { kind, index: digits === undefined ? undefined : Number(digits) };
  throw new Cifar5mError(
    "engine/unknown-device",
    `a device is named like cpu, cuda or cuda:1, got "${name}". Choose one, \`cifar5m doctor\` lists them.`,
  );
}
