import { Cifar5mError } from "../../core/errors.ts";
import { sealJson } from "../../storage/canonical-json.ts";
import { sha256 } from "../../storage/sha256.ts";
import { manifestName } from "../format/manifest.ts";
import { retryUpload } from "./retry-upload.ts";
import type { UploadTarget } from "./upload-target.ts";

/** Its name at the place. It says whose shards lie there, as long as no manifest does. */
const claimName = "publishing.json";

/**
 * A place for one data set. Whoever publishes to an empty place claims it first, so that of two different sets that are
 * published there at once one is refused before it overwrites a shard of the other. The claim of an upload that was
 * interrupted stays, for the same set to go on with; it goes when the manifest is there.
 */
export class UploadClaim {
  readonly #target: UploadTarget;
  readonly #manifestText: string;
  readonly #claimText: string;
  readonly #signal: AbortSignal;

  /** @param manifestText - of the set that is published */
  constructor(target: UploadTarget, manifestText: string, signal: AbortSignal) {
    this.#target = target;
    this.#manifestText = manifestText;
    this.#claimText = sealJson({ manifest: sha256(manifestText) });
    this.#signal = signal;
  }

  /** Whether the set's manifest is there. @throws Cifar5mError `publish/other-dataset` if that of another one is */
  async isPublished(): Promise<boolean> {
    const found = await this.#read(manifestName);
    if (found === undefined || found === this.#manifestText) return found !== undefined;
    // Its readers would find our shards under the names of theirs.
    throw new Cifar5mError(
      "publish/other-dataset",
      `${this.#target.location} must be empty or hold this data set, it holds another one (see its ${manifestName}). ` +
        `Name another place, or delete that ${manifestName} once nobody reads it.`,
    );
  }

  /**
   * Makes sure that nobody publishes another set to the place, or published one.
   * @throws Cifar5mError `publish/other-dataset`
   */
  async hold(): Promise<void> {
    if ((await this.#read(claimName)) === this.#claimText) return;
    // Whoever has published removes the claim after writing the manifest: in this order nobody is overlooked.
    const isNew = await retryUpload(this.#target, claimName, this.#signal, () =>
      this.#target.putNew(claimName, this.#claimText, this.#signal),
    );
    const found = await this.#read(claimName);
    try {
      if (await this.isPublished()) return;
    } catch (thrown) {
      if (isNew) await this.release();
      throw thrown;
    }
    if (found === this.#claimText) return;
    throw new Cifar5mError(
      "publish/other-dataset",
      `another data set is being published to ${this.#target.location} (see its ${claimName}). Name another place, or ` +
        `delete that ${claimName} if its upload was given up.`,
    );
  }

  /** Gives the claim up, if it is ours. A place that lets us delete nothing keeps it: no reader looks at it. */
  async release(): Promise<void> {
    try {
      if ((await this.#read(claimName)) === this.#claimText) await this.#target.remove(claimName, this.#signal);
    } catch {
      this.#signal.throwIfAborted();
    }
  }

  async #read(name: string): Promise<string | undefined> {
    const target = this.#target;
    return await retryUpload(target, name, this.#signal, () => target.readText(name, this.#signal));
  }
}
