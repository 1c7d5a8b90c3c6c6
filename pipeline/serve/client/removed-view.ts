import { messageOf } from "../../../core/errors.ts";
import { formatCount } from "../../../core/format.ts";
import type { RemovedCopy, RemovedPage } from "../removed-copies.ts";
import { make, makeButton } from "./dom.ts";
import { drawFetched, makeCanvas } from "./draw-image.ts";
import { fetchJson } from "./fetch-json.ts";
import { countOf } from "./format.ts";

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

/** The copies that are not in the set, each beside what it is a copy of. */
export async function showRemoved(target: HTMLElement, onCount: (text: string) => void): Promise<void> {
  const list = make("div", { class: "pairs" });
  let numPages = 0;
  const more = makeButton("Show more", {}, () => {
    // A second click must not show the same page again.
    more.disabled = true;
    showPage()
      .catch((thrown: unknown) => onCount(messageOf(thrown)))
      .finally(() => {
        more.disabled = false;
      });
  });
  const showPage = async () => {
    const page = await fetchJson<RemovedPage>(`removed/${numPages}.json`);
    if (page === undefined) throw new Error("this server knows of no removals");
    numPages++;
    list.append(...page.copies.map(pairOf));
    more.hidden = list.childElementCount >= page.total;
    const texts = Object.entries(page.byReason).map(
      ([reason, count]) => `${formatCount(count)} ${reasons[reason as RemovedCopy["reason"]].text}`,
    );
    onCount(
      page.total === 0
        ? "No copies were removed"
        : `${countOf(page.total, "removed copy", "removed copies")}: ${texts.join(", ")}`,
    );
    if (page.total === 0) list.append(make("p", { class: "notice" }, "No image is a copy of another, or of CIFAR-10."));
  };
  target.replaceChildren(list, more);
  await showPage();
}

function pairOf({ id, split, reason, isMirrored, partner }: RemovedCopy): Node {
  const { verb, of } = reasons[reason];
  const partnerPath = of === "set" ? `samples/${partner}` : `cifar-10/${of}/${partner}`;
  const partnerName = of === "set" ? `kept: ${partner}` : `CIFAR-10 ${of} ${partner}`;
  const does = !isMirrored ? verb : verb === "copies" ? "mirrors" : `${verb} the mirrored`;
  return make(
    "figure",
    { class: "removed" },
    pictureAt(`samples/${id}`, `removed image ${id}`),
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
