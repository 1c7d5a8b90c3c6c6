/** What the page's scripts ask first: what this server offers. */
export interface SiteDescription {
  /** Of the set, or of the run folder of a build. */
  readonly name: string;
  /** Whether the set is published; a build under way has only its state. */
  readonly hasDataset: boolean;
  /** Name of the set to compare with, under `compare/`. */
  readonly compareWith?: string;
  /** Whether the set is served from its run, with removed copies and the state of its build. */
  readonly hasRun: boolean;
  /** Whether images can be made again. */
  readonly canMakeAgain: boolean;
  /** Whether TensorFlow.js is installed. */
  readonly hasTensorFlow: boolean;
  /** Seed of the noise, of a set whose configuration has one. */
  readonly seed?: number;
}
