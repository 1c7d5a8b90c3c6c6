import { Cifar5mError } from "../../core/errors.ts";
import type { TransferError } from "./object-store.ts";
import type { TransferPolicy } from "./transfer-options.ts";

/** The error for a server that failed too often. @param what - for example `failed 6 times` */
export function unreachable(url: string, what: string, last: TransferError): Cifar5mError {
  const { message, advice = "Check the network and the server" } = last;
  return new Cifar5mError(
    "store/unreachable",
    `${url} ${what}, last with: ${message}. ${advice}, then run again: whole shards are kept.`,
    { cause: last },
  );
}

/** The error for an object that did not arrive within the time limit for all attempts together. */
export function tooSlow(url: string, policy: TransferPolicy, cause: unknown): Cifar5mError {
  return new Cifar5mError(
    "store/too-slow",
    `${url} must arrive within ${policy.totalMs / 1000} s, and did not. Run again: whole shards are kept. Or raise transfer.totalMs.`,
    { cause },
  );
}
