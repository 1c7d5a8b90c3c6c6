import { Cifar5mError } from "../../core/errors.ts";
import { sealJson, unsealJson } from "../../storage/canonical-json.ts";
import { sha256 } from "../../storage/sha256.ts";
import { type Manifest, manifestName, parseManifestText } from "../format/manifest.ts";
import { retryUpload } from "./retry-upload.ts";
import type { UploadTarget } from "./upload-target.ts";

/** Name of the claim file at the target. While there is no manifest, it says whose shards the target holds. */
const claimName = "publishing.json";

/** What a claim names. */
interface Claim {
  /** sha256 of the text of the manifest that will be there. */
  readonly manifest: string;
  /** `sha256` of that manifest. 0.1.0 did not write it. */
  readonly dataset?: string;
}

/**
 * Reserves a target for one data set. An uploader claims an empty target first. If two different sets are published
 * there at once, one of them is refused before it overwrites a shard of the other. The claim of an interrupted upload
 * stays, so the same set can continue, also when it has grown; it is removed when the manifest exists.
 */
export class UploadClaim {
  readonly #target: UploadTarget;
  readonly #manifestText: string;
  readonly #claim: Claim;
  readonly #signal: AbortSignal;

  /** sha256 of the earlier sizes of the set. */
  readonly #earlier: ReadonlySet<string>;

  /** @param manifest - of the set that is published */
  constructor(target: UploadTarget, manifest: Manifest, signal: AbortSignal) {
    this.#earlier = new Set((manifest.growth ?? []).map(({ sha256: hash }) => hash));
    this.#target = target;
    this.#manifestText = sealJson(manifest);
    this.#claim = { manifest: sha256(this.#manifestText), dataset: manifest.sha256 };
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
    let present = await this.#read(claimName);
    if (this.#isOurs(present)) return;
    if (present !== undefined && (await this.#isOutgrown(present))) {
      await this.#remove();
      present = undefined;
    }
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
    if (this.#isOurs(found)) return;
    throw new Cifar5mError(
      "publish/other-dataset",
      `another data set, or another size of this one, is being published to ${this.#target.location} (see its ${claimName}). Name another target, or ` +
        `delete that ${claimName} if its upload was given up.`,
    );
  }

  /** Removes the claim, if it is ours. A target that does not let us delete files keeps it; no reader looks at it. */
  async release(): Promise<void> {
    try {
      if (this.#isOurs(await this.#read(claimName))) await this.#target.remove(claimName, this.#signal);
    } catch {
      this.#signal.throwIfAborted();
    }
  }

  #isOurs(claimText: string | undefined): boolean {
    return claimText !== undefined && readClaim(claimText)?.manifest === this.#claim.manifest;
  }

  /** Whether a claim is what an upload of an earlier size left, before or after it wrote its manifest. */
  async #isOutgrown(claimText: string): Promise<boolean> {
    const claim = readClaim(claimText);
    if (claim?.dataset !== undefined) return this.#earlier.has(claim.dataset);
    const published = await this.#read(manifestName);
    return published !== undefined && sha256(published) === claim?.manifest && this.#isEarlier(published);
  }

  async #put(): Promise<boolean> {
    const text = sealJson(this.#claim);
    return await retryUpload(this.#target, claimName, this.#signal, () =>
      this.#target.putNew(claimName, text, this.#signal),
    );
  }

  async #remove(): Promise<void> {
    await retryUpload(this.#target, claimName, this.#signal, () => this.#target.remove(claimName, this.#signal));
  }

  async #read(name: string): Promise<string | undefined> {
    const target = this.#target;
    return await retryUpload(target, name, this.#signal, () => target.readText(name, this.#signal));
  }
}

/** What a claim says; undefined if it is damaged. */
function readClaim(text: string): Claim | undefined {
  try {
    return unsealJson(text, claimName) as unknown as Claim;
  } catch {
    return undefined;
  }
}
