import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cifar10ClassNames } from "../../../core/image-layout.ts";
import { writeManifest } from "../../../shards/format/manifest-file.ts";
import { sealJson } from "../../../storage/canonical-json.ts";
import { startServe } from "../../scripts/start-serve.ts";
import { BrowserPage, chromium } from "../../support/chromium.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { writeTestFlags } from "../../support/write-test-flags.ts";
import { makePictureSet } from "./make-picture-set.ts";

const markup = `</title></script><img src=x onerror="globalThis.isHacked=1"><svg onload=globalThis.isHacked=1>`;
const evilClasses = cifar10ClassNames.map(
  (name, label) =>
    [`${name}${markup}`, `"><script>globalThis.isHacked=1</script>`, `javascript:globalThis.isHacked=1`, "\u202eevil"][
      label % 4
    ]!,
);

/** A set whose every text is markup. */
async function makeEvilSet(): Promise<string> {
  const folder = await makeTestFolder();
  const {
    version: _,
    sha256: __,
    ...manifest
  } = await makePictureSet(folder, { train: 60, test: 12, classNames: evilClasses.map((name, at) => `${at}${name}`) });
  await writeManifest(folder, {
    ...manifest,
    name: markup,
    config: { [markup]: markup, seed: 4 },
    models: { [markup]: manifest.configHash },
    removals: { [markup]: 1 },
    createdBy: markup,
  });
  await writeTestFlags(folder);
  await writeFile(join(folder, "README.md"), `# ${markup}`);
  return folder;
}

const elements = (page: BrowserPage) =>
  page.evaluate<string[]>(
    `[...document.querySelectorAll("script, img, svg[onload], iframe, object, embed, [onerror], [onload], base, meta[http-equiv], a[href^=javascript]")].map(({ outerHTML }) => outerHTML)`,
  );

test.skipIf(chromium === undefined)("no text of a set becomes markup or runs, on any page", async () => {
  const { origin } = await startServe(await makeEvilSet(), ["--compare", await makeEvilSet()]);
  for (const path of ["", "browse", "browse#set=both", "browse#image=5", "experiment"]) {
    const page = await BrowserPage.open("about:blank");
    await page.goTo(`${origin}/${path}`);
    await page.until(
      path.startsWith("browse") ? `document.querySelector(".tile")` : `document.querySelector("h1, .page")`,
    );
    if (path.includes("image")) await page.until(`document.querySelectorAll(".probabilities tr").length === 10`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await page.evaluate("globalThis.isHacked"), path).toBe(undefined);
    const allowed =
      /^<(script type="module"( src="assets\/\w+\.js")?>|img src="(contact-sheet\.png|data:image\/svg\+xml,[^"]*)" )/;
    expect(
      (await elements(page)).filter((text) => !allowed.test(text)),
      path,
    ).toEqual([]);
    // Every text is there as text.
    if (path === "browse") expect(await page.text(".facet .name")).toBe(`0${evilClasses[0]}`);
    if (path.includes("image")) expect(await page.text(".facts dl")).toContain(evilClasses[5]!);
    // The policy had nothing to forbid: the page did not even try.
    expect(page.messages, path).toEqual([]);
    const strangers = page.requests.filter((url) => !url.startsWith(`${origin}/`) && !/^(data:|about:)/.test(url));
    expect(strangers, path).toEqual([]);
    await page.close();
  }
});

test.skipIf(chromium === undefined)("an address that is markup changes nothing but the view", async () => {
  const { origin } = await startServe(await makeEvilSet());
  const page = await BrowserPage.open(
    `${origin}/browse#label=<img src=x onerror=globalThis.isHacked=1>&image="><script>globalThis.isHacked=1</script>&sort=__proto__&with=constructor`,
  );
  await page.until(`document.querySelector(".count-line")?.textContent === "60 images"`);
  expect(await page.evaluate("globalThis.isHacked")).toBe(undefined);
  expect(page.messages).toEqual([]);
});

test.skipIf(chromium === undefined)(
  "the policy of each page lets no other script, style, frame, form or server in, and no text become code",
  async () => {
    const { origin } = await startServe(await makeEvilSet());
    for (const path of ["browse", "experiment"]) {
      const policy = (await fetch(`${origin}/${path}`)).headers.get("content-security-policy")!;
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; /);
      expect(policy).not.toMatch(/unsafe|\*|https?:|blob:/);
      const page = await BrowserPage.open(`${origin}/${path}`);
      await page.until(`document.querySelector("#main > div")`);
      const refused = await page.evaluate<string[]>(`(async () => {
      const tries = {
        markup: () => { document.body.innerHTML = "<b>x</b>"; },
        elsewhere: () => fetch("http://127.0.0.1:9/"),
        inline: () => { document.createElement("script").textContent = "globalThis.isHacked = 1"; },
        address: () => { document.createElement("script").src = "dataset/manifest.json"; },
        worker: () => new Worker("dataset/manifest.json"),
      };
      const failed = [];
      for (const [name, attempt] of Object.entries(tries)) await Promise.resolve().then(attempt).catch(() => failed.push(name));
      return failed;
    })()`);
      // The tools of the browser may evaluate code, so eval is tried by the page's own constructor.
      expect(refused).toEqual(expect.arrayContaining(["markup", "elsewhere"]));
      expect(await page.evaluate("globalThis.isHacked")).toBe(undefined);
    }
  },
);

test.skipIf(chromium === undefined)(
  "a manifest that lies about its shards is refused in a sentence, and shows nothing",
  async () => {
    const folder = await makeTestFolder();
    const manifest = await makePictureSet(folder, { train: 60, test: 12 });
    const { origin } = await startServe(folder);
    const page = await BrowserPage.open(`${origin}/browse`);
    await page.until(`document.querySelector(".tile")`);
    // What another server could answer: the page checks the manifest as the loader does.
    const lies = [
      { ...manifest, splits: { ...manifest.splits, train: { ...manifest.splits.train, rows: 1e15 } } },
      {
        ...manifest,
        splits: {
          ...manifest.splits,
          train: {
            ...manifest.splits.train,
            shards: [{ ...manifest.splits.train.shards[0]!, file: "../../etc/passwd" }],
          },
        },
      },
    ];
    for (const lie of lies) {
      const text = sealJson(lie);
      await page.answerWith("*dataset/manifest.json", text, "application/json");
      await page.reload();
      await page.until(`document.querySelector("[role=alert]")`);
      expect(await page.text("[role=alert]")).toMatch(/manifest\.json/);
      expect(await page.evaluate(`document.querySelectorAll(".tile").length`)).toBe(0);
    }
    expect(page.requests.filter((url) => url.includes("passwd"))).toEqual([]);
  },
);

test.skipIf(chromium === undefined)("columns that are cut or of another format are refused in a sentence", async () => {
  const folder = await makeTestFolder();
  await makePictureSet(folder, { train: 60, test: 12 });
  const { origin } = await startServe(folder);
  const page = await BrowserPage.open("about:blank");
  for (const text of ["", "<html>", "x".repeat(600)]) {
    await page.answerWith("*columns/train.bin*", text, "application/octet-stream");
    await page.goTo(`${origin}/browse`);
    await page.reload();
    await page.until(`document.querySelector(".message")?.textContent.includes("columns")`);
    expect(await page.evaluate(`document.querySelectorAll(".tile").length`)).toBe(0);
  }
});
