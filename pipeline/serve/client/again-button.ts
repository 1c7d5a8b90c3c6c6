import { messageOf } from "../../../core/errors.ts";
import type { MadeAgain } from "../make-again.ts";
import { announce, make, makeButton } from "./dom.ts";
import { drawImage, makeCanvas } from "./draw-image.ts";

/** A button that has the server make an image again, and says whether it is equal, byte for byte. */
export function makeAgainButton(id: number, stored: Uint8Array): HTMLElement {
  const result = make("div", { class: "again-result", "aria-live": "polite" });
  const button = makeButton("Make it again", { class: "again" }, () => {
    button.disabled = true;
    result.replaceChildren(make("p", {}, "The generator is at work …"));
    askAgain(id)
      .then((made) => {
        const text = describe(made);
        announce(text);
        result.replaceChildren(make("p", { class: made.isEqual ? "good" : "bad" }, text), ...pictures(made, stored));
      })
      .catch((thrown: unknown) => {
        result.replaceChildren(make("p", { class: "bad" }, messageOf(thrown)));
      })
      .finally(() => {
        button.disabled = false;
      });
  });
  return make("div", { class: "again-part" }, button, result);
}

async function askAgain(id: number): Promise<MadeAgain> {
  const response = await fetch(`again/${id}`, { method: "POST", headers: { "x-cifar5m-page": "1" } });
  if (!response.ok) throw new Error((await response.text()).trim());
  return (await response.json()) as MadeAgain;
}

function describe({ isEqual, numDiffering, largest }: MadeAgain): string {
  if (isEqual) return "✓ equal to the stored image, byte for byte";
  return `✗ ${numDiffering} of 3,072 bytes differ, by up to ${largest} of 255: another engine, device or release`;
}

/** The stored and the new image beside each other, if they differ. */
function pictures({ isEqual, image }: MadeAgain, stored: Uint8Array): Node[] {
  if (isEqual) return [];
  const made = Uint8Array.from(atob(image), (character) => character.charCodeAt(0));
  const [before, after] = [makeCanvas("the stored image"), makeCanvas("the image made now")];
  drawImage(before, stored);
  drawImage(after, made);
  return [make("div", { class: "figures" }, before, after)];
}
