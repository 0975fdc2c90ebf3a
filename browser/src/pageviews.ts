/** Page views: the first one, and those of navigation inside the page. An address counts once in a row. */

import { describePage, strippedAddress, type Page } from "./page.ts";
import { settings } from "./settings.ts";
import { guard } from "./util/guard.ts";

/** A `replaceState` this soon after the last navigation corrects its address; it is no new view. */
const CORRECTION_MS = 1000;

let count: (page: Page) => void;
/** The address before the last navigation inside the page: the browser's own referrer does not change there. */
let referrer: string;
let here: string;
/** Path and query. */
let counted: string;
let movedAt: number;

/** The page as it is now. */
export function currentPage(): Page {
  return describePage(location.href, referrer);
}

/** Counts the first view, and goes on with history navigation if the site wants that. */
export function startViews(callback: (page: Page) => void): void {
  count = callback;
  referrer = document.referrer;
  arrive();
  count(describePage(guard(strippedAddress)(settings.click_ids) || here, referrer));
  if (!settings.single_page) return;
  guard(follow)("pushState", 0);
  guard(follow)("replaceState", CORRECTION_MS);
  addEventListener(
    "popstate",
    guard(() => visit()),
  );
}

/** Counts the present address, unless it is the one that was counted last. */
export function visit(isCorrection?: boolean): void {
  if (counted === pathAndQuery()) return;
  if (!isCorrection) referrer = here;
  arrive();
  if (!isCorrection) count(currentPage());
}

function arrive(): void {
  here = location.href;
  counted = pathAndQuery();
  movedAt = Date.now();
}

function pathAndQuery(): string {
  return location.pathname + location.search;
}

function follow(method: "pushState" | "replaceState", correctionMs: number): void {
  const original = history[method];
  history[method] = function (this: History, ...args) {
    original.apply(this, args);
    guard(visit)(Date.now() - movedAt < correctionMs);
  };
}
