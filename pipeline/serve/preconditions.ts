import type { IncomingHttpHeaders } from "node:http";

/**
 * Evaluates the conditions of a GET or HEAD request for a resource with the strong entity tag `etag`. Conditions on
 * times are ignored: a file's time does not tell when its bytes were made, so the server sends none.
 * @see RFC 9110, section 13.2.2
 */
export function checkPreconditions(headers: IncomingHttpHeaders, etag: string): "go on" | "not modified" | "failed" {
  const wanted = headers["if-match"];
  if (wanted !== undefined && wanted.trim() !== "*" && !tagsOf(wanted).includes(etag)) return "failed";
  const known = headers["if-none-match"];
  if (known === undefined) return "go on";
  // The comparison is weak here and strong above: a tag that was weakened in transit still identifies these bytes.
  const isKnown = known.trim() === "*" || tagsOf(known).some((tag) => tag.replace(/^W\//, "") === etag);
  return isKnown ? "not modified" : "go on";
}

/** Whether a Range header applies. It does not if the client holds a part of other bytes. */
export function isRangeCurrent(headers: IncomingHttpHeaders, etag: string): boolean {
  const held = headers["if-range"];
  return held === undefined || held === etag;
}

function tagsOf(header: string): readonly string[] {
  return header.match(/(?:W\/)?"[^"]*"/g) ?? [];
}
