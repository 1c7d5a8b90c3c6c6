import { basename } from "node:path";
import { once } from "../../core/once.ts";
import { renderDatasetSheet } from "../inspect/contact-sheet.ts";
import type { PublishedDataset } from "../run/find-dataset.ts";
import { appHeaders, renderAppPage, type SectionPath } from "./app-page.ts";
import { assetResources } from "./assets.ts";
import type { BuildState } from "./build-state.ts";
import { summarizeConfidence } from "./confidence.ts";
import { datasetResources } from "./dataset-routes.ts";
import { pageHeaders, renderPage } from "./page.ts";
import { type Resource, toContent } from "./resource.ts";
import { type FindByPath, factResources, runResources } from "./run-routes.ts";
import type { ServedRun } from "./served-run.ts";
import type { SiteDescription } from "./site-description.ts";

/** Finds the resource for a request's target (path and query), or undefined. */
export type FindResource = (target: string) => Resource | undefined;

/** What a site is made of. */
export interface SiteParts {
  /** Undefined while the set of a run is being built. */
  readonly dataset: PublishedDataset | undefined;
  /** The set to compare with. */
  readonly compare?: PublishedDataset | undefined;
  /** The run that the set is served from. */
  readonly served?: ServedRun | undefined;
  /** Reads how far that run is. */
  readonly readBuild?: (() => Promise<BuildState>) | undefined;
  /** Path of the data set's folder for the page; undefined if visitors do not share this disk. */
  readonly folder: string | undefined;
  /** Whether visitors may have images made again. */
  readonly canMakeAgain: boolean;
}

/**
 * All resources of a site, by exact path, or by a path that ends in a number. A path is never decoded, joined or looked
 * up on the disk, so a request can reach only what is listed here.
 */
export function routesOf(parts: SiteParts): FindResource {
  const { dataset, compare, served, readBuild } = parts;
  const assets = assetResources(appHeaders);
  const site: SiteDescription = {
    name: dataset?.manifest.name ?? (served === undefined ? "" : basename(served.folder.root)),
    hasDataset: dataset !== undefined,
    ...(compare === undefined ? {} : { compareWith: compare.manifest.name }),
    hasRun: served !== undefined,
    canMakeAgain: parts.canMakeAgain && dataset !== undefined,
    hasTensorFlow: assets.has("/assets/tf.es2017.min.js"),
    ...seedOf(dataset),
  };
  const routes = new Map<string, Resource>([
    ...assets,
    ["/site.json", { type: "application/json", open: async () => toContent(Buffer.from(JSON.stringify(site))) }],
    ...pageResources(parts, site.name),
  ]);
  const finders: FindByPath[] = [];
  if (served !== undefined && readBuild !== undefined)
    finders.push(orWithHash(dataset, runResources(served, readBuild)));
  if (dataset !== undefined) {
    for (const [path, resource] of datasetResources(dataset)) routes.set(path, resource);
    finders.push(orWithHash(dataset, factResources(dataset, served)));
  }
  if (compare !== undefined) {
    for (const [path, resource] of datasetResources(compare)) routes.set(`/compare${path}`, resource);
    const facts = orWithHash(compare, factResources(compare, undefined));
    finders.push((path) => (path.startsWith("/compare/") ? facts(path.slice("/compare".length)) : undefined));
  }
  return (target) => {
    const path = target.replace(/\?(?!sha256=).*$/s, "");
    return routes.get(path) ?? finders.map((find) => find(path)).find((found) => found !== undefined);
  };
}

/** Finds a path also if the hash of the set follows it, so that a page gets nothing of another set than its own. */
function orWithHash(dataset: PublishedDataset | undefined, find: FindByPath): FindByPath {
  const hash = `?sha256=${dataset?.manifest.sha256}`;
  return (path) => find(path.endsWith(hash) ? path.slice(0, -hash.length) : path);
}

function seedOf(dataset: PublishedDataset | undefined): { readonly seed?: number } {
  const seed = dataset?.manifest.config["seed"];
  return typeof seed === "number" ? { seed } : {};
}

/** The pages. A run without a set has only that of its build. */
function pageResources({ dataset, served, folder }: SiteParts, name: string): [string, Resource][] {
  const shown: readonly SectionPath[] = [
    ...(dataset === undefined ? [] : ([".", "browse", "experiment"] as const)),
    ...(served === undefined ? [] : (["build"] as const)),
  ];
  const apps = shown.filter((section) => section !== ".");
  const pages = apps.map((section): [string, Resource] => {
    const content = toContent(Buffer.from(renderAppPage({ name, section, shown })));
    return [`/${section}`, { type: "text/html; charset=utf-8", headers: appHeaders, open: async () => content }];
  });
  if (dataset === undefined) return [...pages, ["/", pages[0]![1]]];
  const { directory, manifest } = dataset;
  const confidence = once(() => summarizeConfidence(dataset));
  const overview: Resource = {
    type: "text/html; charset=utf-8",
    headers: pageHeaders,
    open: async ({ origin }) => {
      // A damaged shard must not hide the rest of the page.
      const known = await confidence().catch(() => undefined);
      return toContent(Buffer.from(renderPage({ manifest, origin, folder, confidence: known, shown })));
    },
  };
  const pictures = (["light", "dark"] as const).map((theme): [string, Resource] => {
    const sheet = once(() => renderDatasetSheet({ directory, manifest, theme }));
    const path = theme === "light" ? "/contact-sheet.png" : "/contact-sheet-dark.png";
    return [path, { type: "image/png", open: async () => toContent(await sheet()) }];
  });
  return [...pages, ["/", overview], ...pictures];
}
