import { Cifar5mError } from "../core/errors.ts";

/** A device as `--device` names it: its kind, and its number if a machine has several. */
export interface DeviceName {
  readonly kind: string;
  /** The number in `cuda:1`; undefined if the name has no number. */
  readonly index: number | undefined;
}

/** @throws Cifar5mError `engine/unknown-device` unless the name is a kind, optionally with a number: `cuda`, `cuda:1` */
export function parseDevice(name: string): DeviceName {
  const [, kind, digits] = /^([^:]+)(?::(\d+))?$/.exec(name) ?? [];
  if (kind !== undefined) return { kind, index: digits === undefined ? undefined : Number(digits) };
  throw new Cifar5mError(
    "engine/unknown-device",
    `a device must be named like cpu, cuda or cuda:1, got "${name}". Choose a device that \`cifar5m doctor\` lists.`,
  );
}
