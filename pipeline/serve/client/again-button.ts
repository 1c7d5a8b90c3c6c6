import { messageOf } from "../../../core/errors.ts";
import type { MadeAgain } from "../make-again.ts";
import { SetChangedError } from "./ask.ts";
import { announce, make, makeBusyButton } from "./dom.ts";
import { drawImage, makeCanvas } from "./draw-image.ts";
import { fetchJson } from "./fetch-json.ts";

/** A button that has the server make an image again, and says whether it is equal, byte for byte. */
export function makeAgainButton(id: number, stored: Uint8Array): HTMLElement {
  const result = make("div", { class: "again-result", "aria-live": "polite" });
  const button = makeBusyButton("Make it again", { class: "again" }, async () => {
    result.replaceChildren(make("p", {}, "The generator is at work …"));
    try {
      const made = await askAgain(id);
      const pixels = Uint8Array.from(atob(made.image), (character) => character.charCodeAt(0));
      // The server compares with what it stores now, which may be another set's image.
      if (made.isEqual && pixels.some((value, at) => value !== stored[at])) throw new SetChangedError();
      const text = describe(made);
      announce(text);
      result.replaceChildren(
        make("p", { class: made.isEqual ? "good" : "bad" }, text),
        ...(made.isEqual ? [] : [picturesOf(stored, pixels)]),
      );
    } catch (thrown) {
      result.replaceChildren(make("p", { class: "bad" }, messageOf(thrown)));
    }
  });
  return make("div", { class: "again-part" }, button, result);
}

async function askAgain(id: number): Promise<MadeAgain> {
  const made = await fetchJson<MadeAgain>(`again/${id}`, { method: "POST", headers: { "x-cifar5m-page": "1" } });
  if (made === undefined) throw new SetChangedError();
  return made;
}

function describe({ isEqual, numDiffering, largest }: MadeAgain): string {
  if (isEqual) return "✓ equal to the stored image, byte for byte";
  return `✗ ${numDiffering} of 3,072 bytes differ, by up to ${largest} of 255: another engine, device or release`;
}

/** The stored and the new image beside each other. */
function picturesOf(stored: Uint8Array, made: Uint8Array): HTMLElement {
  const [before, after] = [makeCanvas("the stored image"), makeCanvas("the image made now")];
  drawImage(before, stored);
  drawImage(after, made);
  return make("div", { class: "figures" }, before, after);
}
