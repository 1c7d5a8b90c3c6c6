import type { RemovedCopy, RemovedPage } from "../removed-copies.ts";
import { make, makeButton } from "./dom.ts";
import { drawImage, makeCanvas } from "./draw-image.ts";
import { fetchImage, fetchJson } from "./fetch-json.ts";
import { countOf, formatCount } from "./format.ts";

const reasonTexts: Readonly<Record<RemovedCopy["reason"], string>> = {
  "duplicate-of-cifar10-train": "copies of CIFAR-10 train images",
  "duplicate-of-cifar10-test": "copies of CIFAR-10 test images",
  "duplicate-within-set": "copies within the set",
};

/** The copies that are not in the set, each beside what it is a copy of. */
export async function showRemoved(target: HTMLElement, onCount: (text: string) => void): Promise<void> {
  const list = make("div", { class: "pairs" });
  let numShown = 0;
  const more = makeButton("Show more", {}, () => void showPage());
  const showPage = async () => {
    const page = await fetchJson<RemovedPage>(`removed/${Math.floor(numShown / 200)}.json`);
    if (page === undefined) throw new Error("this server knows of no removals");
    numShown += page.copies.length;
    list.append(...page.copies.map(pairOf));
    more.hidden = numShown >= page.total;
    const reasons = Object.entries(page.byReason).map(
      ([reason, count]) => `${formatCount(count)} ${reasonTexts[reason as RemovedCopy["reason"]] ?? reason}`,
    );
    onCount(
      page.total === 0
        ? "No copies were removed"
        : `${countOf(page.total, "removed copy", "removed copies")}: ${reasons.join(", ")}`,
    );
    if (page.total === 0) list.append(make("p", { class: "notice" }, "Every image that was made is in the set."));
  };
  target.replaceChildren(list, more);
  await showPage();
}

function pairOf({ id, split, reason, isMirrored, partner }: RemovedCopy): Node {
  const isInSet = reason === "duplicate-within-set";
  const of = reason === "duplicate-of-cifar10-test" ? "test" : "train";
  const partnerPath = isInSet ? `samples/${partner}` : `cifar-10/${of}/${partner}`;
  const partnerName = isInSet ? `kept: ${partner}` : `CIFAR-10 ${of} ${partner}`;
  return make(
    "figure",
    { class: "removed" },
    pictureAt(`samples/${id}`, `removed image ${id}`),
    pictureAt(partnerPath, partnerName),
    make(
      "figcaption",
      {},
      make("strong", {}, `${split} ${id}`),
      make("span", {}, `${isMirrored ? "mirrors" : "copies"} ${partnerName}`),
    ),
  );
}

/** Images come when they are about to be seen. */
const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting || !(target instanceof HTMLCanvasElement)) continue;
      observer.unobserve(target);
      void fetchImage(target.dataset["path"]!).then((image) => {
        drawImage(target, image);
        if (image === undefined) target.title = "this run has not kept the image";
      });
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
