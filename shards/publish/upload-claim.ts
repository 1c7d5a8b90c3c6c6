import { Cifar5mError } from "../../core/errors.ts";
import { sealJson } from "../../storage/canonical-json.ts";
import { sha256 } from "../../storage/sha256.ts";
import { manifestName, parseManifestText } from "../format/manifest.ts";
import { retryUpload } from "./retry-upload.ts";
import type { UploadTarget } from "./upload-target.ts";

/** Name of the claim file at the target. While there is no manifest, it says whose shards the target holds. */
const claimName = "publishing.json";

/**
 * Reserves a target for one data set. An uploader claims an empty target first. If two different sets are published
 * there at once, one of them is refused before it overwrites a shard of the other. The claim of an interrupted upload
 * stays, so the same set can continue; it is removed when the manifest exists.
 */
export class UploadClaim {
  readonly #target: UploadTarget;
  readonly #manifestText: string;
  readonly #claimText: string;
  readonly #signal: AbortSignal;

  /** sha256 of the earlier sizes of the set. */
  readonly #earlier: ReadonlySet<string>;

  /**
   * @param manifestText - manifest of the set that is published
   * @param growth - the sizes that the set had before
   */
  constructor(
    target: UploadTarget,
    manifestText: string,
    signal: AbortSignal,
    growth: readonly { readonly sha256: string }[] = [],
  ) {
    this.#earlier = new Set(growth.map(({ sha256: hash }) => hash));
    this.#target = target;
    this.#manifestText = manifestText;
    this.#claimText = sealJson({ manifest: sha256(manifestText) });
    this.#signal = signal;
  }

  /**
   * Whether the set's manifest is published.
   * @throws Cifar5mError `publish/other-dataset` if another set's manifest is
   */
  async isPublished(): Promise<boolean> {
    const found = await this.#read(manifestName);
    if (found === undefined || found === this.#manifestText) return found !== undefined;
    if (this.#isEarlier(found)) return false;
    // Readers of the other set would find our shards under the names of theirs.
    throw new Cifar5mError(
      "publish/other-dataset",
      `${this.#target.location} must be empty or hold this data set, but it holds another one (see its ${manifestName}). ` +
        `Name another target, or delete that ${manifestName} once nobody reads it.`,
    );
  }

  /**
   * Whether an earlier size of the set is published. Its shards are ours, so it may be replaced: its readers go on.
   */
  async isOutdated(): Promise<boolean> {
    const found = await this.#read(manifestName);
    return found !== undefined && found !== this.#manifestText && this.#isEarlier(found);
  }

  #isEarlier(manifestText: string): boolean {
    if (this.#earlier.size === 0) return false;
    try {
      return this.#earlier.has(parseManifestText(manifestText, manifestName).sha256);
    } catch {
      return false;
    }
  }

  /**
   * Makes sure that nobody has published another set to the target, or is publishing one.
   * @throws Cifar5mError `publish/other-dataset`
   */
  async hold(): Promise<void> {
    const present = await this.#read(claimName);
    if (present === this.#claimText) return;
    // A server that ignores conditions would let us overwrite the claim of another set. A publisher removes the claim after
    // writing the manifest. Because we read the claim first, we overlook nobody.
    const isNew = present === undefined && (await this.#put());
    const found = present ?? (await this.#read(claimName));
    try {
      if (await this.isPublished()) return;
    } catch (thrown) {
      if (isNew) await this.release();
      throw thrown;
    }
    if (found === this.#claimText) return;
    throw new Cifar5mError(
      "publish/other-dataset",
      `another data set is being published to ${this.#target.location} (see its ${claimName}). Name another target, or ` +
        `delete that ${claimName} if its upload was given up.`,
    );
  }

  /** Removes the claim, if it is ours. A target that does not let us delete files keeps it; no reader looks at it. */
  async release(): Promise<void> {
    try {
      if ((await this.#read(claimName)) === this.#claimText) await this.#target.remove(claimName, this.#signal);
    } catch {
      this.#signal.throwIfAborted();
    }
  }

  async #put(): Promise<boolean> {
    return await retryUpload(this.#target, claimName, this.#signal, () =>
      this.#target.putNew(claimName, this.#claimText, this.#signal),
    );
  }

  async #read(name: string): Promise<string | undefined> {
    const target = this.#target;
    return await retryUpload(target, name, this.#signal, () => target.readText(name, this.#signal));
  }
}
