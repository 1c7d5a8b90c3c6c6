import type { IncomingMessage, ServerResponse } from "node:http";
import { Cifar5mError } from "../../core/errors.ts";
import { regenerateImage } from "../repair/regenerate.ts";
import { sendText } from "./send-resource.ts";
import type { ServedRun } from "./served-run.ts";

/** The header that the page sends. Pages of other origins may not send it: no preflight allows it. */
const pageHeader = "x-cifar5m-page";

const again = /^\/again\/(\d{1,16})$/;

/** What making an image again has shown. */
export interface MadeAgain {
  readonly id: number;
  readonly isEqual: boolean;
  /** Number of bytes that differ. */
  readonly numDiffering: number;
  /** The largest difference of a value, of 255. */
  readonly largest: number;
  /** The image as it was made now: uint8, shape [32, 32, 3], as base64. */
  readonly image: string;
}

/** The id of a request to make an image again, or undefined for other requests. */
export function idToMake(request: IncomingMessage): number | undefined {
  const [, id] = (request.method === "POST" && again.exec(request.url ?? "")) || [];
  return id === undefined ? undefined : Number(id);
}

/** Makes images of a run again, one at a time. */
export class ImageMaker {
  readonly #served: ServedRun;
  #isBusy = false;

  constructor(served: ServedRun) {
    this.#served = served;
  }

  /** Answers a request of the page: 200, 403, 409 for an id that cannot be made, 429 while another is made. */
  async answer(request: IncomingMessage, response: ServerResponse, id: number): Promise<void> {
    if (!isOfPage(request)) return sendText(response, 403, "only the page of this server may ask for this");
    if (this.#isBusy) return sendText(response, 429, "another image is being made; ask again when it is done");
    this.#isBusy = true;
    try {
      const body = JSON.stringify(await this.#make(id));
      response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store" }).end(body);
    } catch (thrown) {
      if (!(thrown instanceof Cifar5mError)) throw thrown;
      sendText(response, 409, `${thrown.code}: this image cannot be made again; cifar5m regenerate says why`);
    } finally {
      this.#isBusy = false;
    }
  }

  async #make(id: number): Promise<MadeAgain> {
    const { folder, run, runtime } = this.#served;
    const { stored, made, differing } = await regenerateImage({ folder, config: run.config, runtime, id });
    return {
      id,
      isEqual: differing.length === 0,
      numDiffering: differing.length,
      largest: differing.reduce((most, at) => Math.max(most, Math.abs(stored[at]! - made[at]!)), 0),
      image: Buffer.from(made).toString("base64"),
    };
  }
}

function isOfPage({ headers }: IncomingMessage): boolean {
  const isSameOrigin = headers.origin === undefined || headers.origin.replace(/^https?:\/\//, "") === headers.host;
  return headers[pageHeader] === "1" && isSameOrigin;
}
