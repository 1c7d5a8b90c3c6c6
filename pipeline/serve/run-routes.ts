import { once } from "../../core/once.ts";
import { type SplitName, splitNames } from "../../shards/format/manifest.ts";
import type { PublishedDataset } from "../run/find-dataset.ts";
import type { BuildState } from "./build-state.ts";
import { flagsHash } from "./dataset-routes.ts";
import { readImageFacts } from "./image-facts.ts";
import { readRemovedCopies, removedPage } from "./removed-copies.ts";
import { type Content, type Resource, toContent } from "./resource.ts";
import { readRunCifarImage, readSample, refreshRun, type ServedRun } from "./served-run.ts";

/** Finds the resource for a path, or undefined. */
export type FindByPath = (path: string) => Resource | undefined;

const octets = "application/octet-stream";
const toJson = (value: unknown): Content => toContent(Buffer.from(JSON.stringify(value)));
const ifAny = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : toContent(bytes));

/** What an audit says of rows: `/facts/train/17.json`. */
export function factResources(dataset: PublishedDataset, served: ServedRun | undefined): FindByPath {
  return (path) => {
    const [, split, text] = /^\/facts\/(train|test)\/(\d{1,12})\.json$/.exec(path) ?? [];
    if (split === undefined || !isSplit(split)) return undefined;
    const row = Number(text);
    if (row >= dataset.manifest.splits[split].rows) return undefined;
    const open = async () =>
      (await flagsHash(dataset)) === "" ? undefined : toJson(await readImageFacts({ dataset, served, split, row }));
    return { type: "application/json", open };
  };
}

/**
 * What only a run folder knows, by path: `/build.json`; the images of ids, `/samples/17`; images of its CIFAR-10,
 * `/cifar-10/train/17`; pages of removed copies, `/removed/0.json`. All numbers, so no path leads anywhere else.
 * Removed copies are read once: they belong to a published set, and another one gets routes of its own.
 */
export function runResources(served: ServedRun, readBuild: () => Promise<BuildState>): FindByPath {
  const removed = once(async () => readRemovedCopies(await refreshRun(served)));
  return (path) => {
    if (path === "/build.json") {
      return { type: "application/json", open: async () => toJson(await readBuild()) };
    }
    const [, sampleId] = /^\/samples\/(\d{1,16})$/.exec(path) ?? [];
    if (sampleId !== undefined) {
      const id = Number(sampleId);
      // Ids keep their units; only those of a size that came later need the run as it is now.
      const open = async () =>
        ifAny((await readSample(served, id)) ?? (await readSample(await refreshRun(served), id)));
      return { type: octets, open };
    }
    const [, split, index] = /^\/cifar-10\/(train|test)\/(\d{1,9})$/.exec(path) ?? [];
    if (split !== undefined && isSplit(split)) {
      return { type: octets, open: async () => ifAny(await readRunCifarImage(served, split, Number(index))) };
    }
    const [, page] = /^\/removed\/(\d{1,9})\.json$/.exec(path) ?? [];
    if (page === undefined) return undefined;
    return { type: "application/json", open: async () => toJson(removedPage(await removed(), Number(page))) };
  };
}

function isSplit(text: string): text is SplitName {
  return splitNames.some((name) => name === text);
}
