import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { onTestFinished } from "vitest";

/** The browser's program, or undefined where there is none. */
export const chromium = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);

/** Keys that are not characters, by their code for the browser. */
const keyCodes: Readonly<Record<string, number>> = {
  ...{ Enter: 13, Escape: 27, PageUp: 33, PageDown: 34, End: 35, Home: 36 },
  ...{ ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, Tab: 9 },
};

/** Wait between two looks at the page. */
const pollMs = 50;

type Answer = { readonly id?: number; readonly result?: unknown; readonly error?: { readonly message: string } };
type BrowserEvent = { readonly method?: string; readonly params?: Record<string, unknown> };

/** A page of a headless browser, by the Chrome DevTools Protocol over a pipe. */
export class BrowserPage {
  /** Errors, refusals of the content security policy, and lines of the console. */
  readonly messages: string[] = [];
  /** Addresses that the page has asked for. */
  readonly requests: string[] = [];
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #numCalls = 0;
  #session: string | undefined;
  #answer = { text: "", type: "" };

  private constructor(process: ChildProcess) {
    this.#process = process;
    let text = "";
    (process.stdio[4] as Readable).setEncoding("utf8").on("data", (part: string) => {
      text += part;
      const lines = text.split("\0");
      text = lines.pop()!;
      for (const line of lines) this.#receive(JSON.parse(line));
    });
  }

  /** Starts a browser with one page; it ends with the test. */
  static async open(
    url: string,
    options: { readonly width?: number; readonly height?: number; readonly dark?: boolean } = {},
  ): Promise<BrowserPage> {
    const page = await BrowserPage.start(options);
    onTestFinished(() => page.close());
    await page.goTo(url);
    return page;
  }

  /** As `open`, without a test and without an address. The caller closes it. */
  static async start({ width = 1280, height = 800, dark = false } = {}): Promise<BrowserPage> {
    const profile = await mkdtemp(join(tmpdir(), "cifar5m-browser-"));
    const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
    const browser = spawn(
      chromium!,
      [...flags, "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank"],
      {
        stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
      },
    );
    browser.once("close", () => void rm(profile, { recursive: true, force: true, maxRetries: 20 }));
    const page = new BrowserPage(browser);
    const { targetInfos } = (await page.#call("Target.getTargets")) as {
      targetInfos: { type: string; targetId: string }[];
    };
    const { targetId } = targetInfos.find(({ type }) => type === "page")!;
    const { sessionId } = (await page.#call("Target.attachToTarget", { targetId, flatten: true })) as {
      sessionId: string;
    };
    page.#session = sessionId;
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await page.#call(`${domain}.enable`);
    await page.resize(width, height);
    if (dark)
      await page.#call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: "dark" }] });
    return page;
  }

  async resize(width: number, height: number): Promise<void> {
    await this.#call("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 600,
    });
  }

  async goTo(url: string): Promise<void> {
    await this.#call("Page.navigate", { url });
    await this.until(`document.readyState === "complete" && location.href === ${JSON.stringify(new URL(url).href)}`);
  }

  /** Loads the page anew. What stands in it afterwards is of the new one. */
  async reload(): Promise<void> {
    await this.evaluate("globalThis.isLeft = true, location.reload()");
    await this.until(`globalThis.isLeft === undefined && document.readyState === "complete"`);
  }

  /** Evaluates an expression in the page; a promise is awaited. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const answer = (await this.#call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true })) as {
      readonly result: { readonly value: Value };
      readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } };
    };
    const failure = answer.exceptionDetails;
    if (failure !== undefined) throw new Error(`${expression}: ${failure.exception?.description ?? failure.text}`);
    return answer.result.value;
  }

  /** Waits until an expression is true. @throws after a minute, with what the page has said */
  async until(expression: string, timeoutMs = 60_000): Promise<void> {
    const endMs = Date.now() + timeoutMs;
    while (!(await this.evaluate<boolean>(`Boolean(${expression})`).catch(() => false))) {
      if (Date.now() > endMs) throw new Error(`${expression} does not come true. ${this.messages.join("\n")}`);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  /** Text of the first element of a selector. */
  text(selector: string): Promise<string> {
    return this.evaluate(`document.querySelector(${JSON.stringify(selector)})?.textContent ?? ""`);
  }

  /** Clicks the middle of an element as a user does, scrolled into view. */
  async click(selector: string): Promise<void> {
    const { x, y } = await this.evaluate<{ x: number; y: number }>(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      if (element === null) throw new Error("no such element");
      element.scrollIntoView({ block: "nearest" });
      const { x, y, width, height } = element.getBoundingClientRect();
      return { x: x + width / 2, y: y + height / 2 };
    })()`);
    for (const type of ["mousePressed", "mouseReleased"]) {
      await this.#call("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
    }
  }

  /** Turns the wheel over an element. */
  async wheel(selector: string, deltaY: number): Promise<void> {
    const { x, y } = await this.evaluate<{ x: number; y: number }>(
      `(({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 }))(document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect())`,
    );
    await this.#call("Input.dispatchMouseEvent", { type: "mouseWheel", x, y, deltaX: 0, deltaY });
  }

  /** Presses keys by name; a single character is typed. */
  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const code = keyCodes[key];
      const text = code === undefined ? { text: key } : key === "Enter" ? { text: "\r" } : {};
      const common = { key, code: key, ...(code === undefined ? {} : { windowsVirtualKeyCode: code }) };
      await this.#call("Input.dispatchKeyEvent", {
        type: "text" in text ? "keyDown" : "rawKeyDown",
        ...common,
        ...text,
      });
      await this.#call("Input.dispatchKeyEvent", { type: "keyUp", ...common });
    }
  }

  /** Answers requests for addresses of a pattern with a text, as a hostile server might. */
  async answerWith(urlPattern: string, text: string, type: string): Promise<void> {
    this.#answer = { text, type };
    await this.#call("Fetch.enable", { patterns: [{ urlPattern }] });
  }

  /** A PNG of what is visible. */
  async screenshot(): Promise<Uint8Array> {
    const { data } = (await this.#call("Page.captureScreenshot", { format: "png" })) as { data: string };
    return Buffer.from(data, "base64");
  }

  async close(): Promise<void> {
    this.#process.kill("SIGKILL");
  }

  #call(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#numCalls;
    const sessionId = method.startsWith("Target.") ? undefined : this.#session;
    (this.#process.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        if (error === undefined) resolve(result);
        else reject(new Error(`${method}: ${error.message}`));
      });
    });
  }

  #receive(message: Answer & BrowserEvent): void {
    if (message.id !== undefined) {
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    } else if (message.method === "Fetch.requestPaused") {
      const { requestId } = message.params as { requestId: string };
      const { text, type } = this.#answer;
      const responseHeaders = [
        { name: "content-type", value: type },
        { name: "content-length", value: String(Buffer.byteLength(text)) },
      ];
      const body = Buffer.from(text).toString("base64");
      // Refused where the page has given the request up meanwhile, as it does when it draws anew.
      this.#call("Fetch.fulfillRequest", { requestId, responseCode: 200, responseHeaders, body }).catch(() => {});
    } else if (message.method === "Network.requestWillBeSent") {
      this.requests.push((message.params as { request: { url: string } }).request.url);
    } else if (message.method === "Log.entryAdded") {
      const { entry } = message.params as { entry: { text: string; url?: string } };
      this.messages.push(`${entry.text} ${entry.url ?? ""}`);
    } else if (message.method === "Runtime.exceptionThrown") {
      const { exceptionDetails: details } = message.params as {
        exceptionDetails: { text: string; exception?: { description?: string } };
      };
      this.messages.push(details.exception?.description ?? details.text);
    } else if (message.method === "Runtime.consoleAPICalled") {
      const { type, args } = message.params as { type: string; args: { value?: unknown; description?: string }[] };
      this.messages.push(`${type}: ${args.map(({ value, description }) => value ?? description).join(" ")}`);
    }
  }
}
