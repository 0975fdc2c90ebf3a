import { cleanAddress } from "./util/address.ts";
import { text } from "./util/text.ts";

/** Where something happened. */
export interface Page {
  url: string;
  referrer: string;
  title: string;
}

export function describePage(address: string, referrer: string): Page {
  return { url: cleanAddress(address), referrer: cleanAddress(referrer), title: text(document.title, 200) || "" };
}

/**
 * The address the visitor came in with, if the page has taken click ids out of the address bar before this script ran.
 */
export function strippedAddress(clickIds: string[]): string | undefined {
  const [entry] = performance.getEntriesByType("navigation");
  const clickId = RegExp("[?&](" + clickIds.join("|") + ")=");
  return entry && clickId.test(entry.name) && !clickId.test(location.href) ? entry.name : undefined;
}
