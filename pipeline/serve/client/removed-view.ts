import { formatCount } from "../../../core/format.ts";
import type { RemovedCopy, RemovedPage } from "../removed-copies.ts";
import { SetChangedError } from "./ask.ts";
import { make, makeBusyButton } from "./dom.ts";
import { drawFetched, makeCanvas } from "./draw-image.ts";
import { fetchJson } from "./fetch-json.ts";
import { countOf } from "./format.ts";
import type { OpenSet } from "./open-set.ts";

/** What was removed for a reason, what such an image does to its partner, and where its partner is. */
const reasons: Readonly<
  Record<RemovedCopy["reason"], { readonly text: string; readonly verb: string; readonly of: "train" | "test" | "set" }>
> = {
  "duplicate-of-cifar10-train": { text: "copies of CIFAR-10 train images", verb: "copies", of: "train" },
  "duplicate-of-cifar10-test": { text: "copies of CIFAR-10 test images", verb: "copies", of: "test" },
  "duplicate-within-set": { text: "copies within the set", verb: "copies", of: "set" },
  "near-copy-of-cifar10-train": { text: "near-copies of CIFAR-10 train images", verb: "nearly copies", of: "train" },
  "memorized-from-cifar10-train": { text: "memorized from CIFAR-10 train", verb: "is too near to", of: "train" },
  "leak-from-cifar10-test": { text: "too near to CIFAR-10 test images", verb: "is too near to", of: "test" },
};

/**
 * The copies that are not in the set, each beside what it is a copy of.
 * @param set - of which they were left out
 * @param told.onCount - how many there are; @param told.onFail - that more of them cannot be loaded
 * @returns the first of them, with a button for more
 * @throws Error as `ask`, or if the server has another set meanwhile
 */
export async function openRemoved(
  set: OpenSet,
  told: { readonly onCount: (text: string) => void; readonly onFail: (thrown: unknown) => void },
): Promise<readonly HTMLElement[]> {
  const list = make("div", { class: "pairs" });
  let numPages = 0;
  const more = makeBusyButton("Show more", {}, () => showPage().catch(told.onFail));
  const showPage = async () => {
    const page = await fetchJson<RemovedPage>(set.pathOf(`removed/${numPages}.json`));
    if (page === undefined) throw new SetChangedError();
    numPages++;
    list.append(...page.copies.map((copy) => pairOf(set, copy)));
    if (page.total === 0) list.append(make("p", { class: "notice" }, "No image is a copy of another, or of CIFAR-10."));
    if (list.childElementCount >= page.total) hideButton(more);
    told.onCount(describeRemoved(page));
  };
  await showPage();
  return [list, more];
}

/** Hides a button. If it has the focus, the box around it receives that. */
function hideButton(button: HTMLButtonElement): void {
  const hadFocus = document.activeElement === button;
  button.hidden = true;
  if (hadFocus) button.parentElement?.focus();
}

function describeRemoved({ total, byReason }: RemovedPage): string {
  if (total === 0) return "No copies were removed";
  const texts = Object.entries(byReason).map(
    ([reason, count]) => `${formatCount(count)} ${reasons[reason as RemovedCopy["reason"]].text}`,
  );
  return `${countOf(total, "removed copy", "removed copies")}: ${texts.join(", ")}`;
}

function pairOf(set: OpenSet, { id, split, reason, isMirrored, partner }: RemovedCopy): Node {
  const { verb, of } = reasons[reason];
  const partnerPath = of === "set" ? set.pathOf(`samples/${partner}`) : `cifar-10/${of}/${partner}`;
  const partnerName = of === "set" ? `kept: ${partner}` : `CIFAR-10 ${of} ${partner}`;
  const does = !isMirrored ? verb : verb === "copies" ? "mirrors" : `${verb} the mirrored`;
  return make(
    "figure",
    { class: "removed" },
    pictureAt(set.pathOf(`samples/${id}`), `removed image ${id}`),
    pictureAt(partnerPath, partnerName),
    make("figcaption", {}, make("strong", {}, `${split} ${id}`), make("span", {}, `${does} ${partnerName}`)),
  );
}

/** Images come when they are about to be seen. */
const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting || !(target instanceof HTMLCanvasElement)) continue;
      observer.unobserve(target);
      void drawFetched(target, target.dataset["path"]!);
    }
  },
  { rootMargin: "400px" },
);

function pictureAt(path: string, label: string): HTMLCanvasElement {
  const canvas = makeCanvas(label);
  canvas.classList.add("empty");
  canvas.dataset["path"] = path;
  observer.observe(canvas);
  return canvas;
}
