/** The browser's storage, as JSON. It may be full, forbidden or absent: then nothing is read, and nothing written. */

import { guard } from "./guard.ts";

/** Storage of the browser, or of this tab's visit. */
type Area = "localStorage" | "sessionStorage";

export const read = guard((key: string, area: Area = "localStorage"): unknown =>
  JSON.parse(window[area].getItem(key) as string),
);

/** A stored list, or an empty one when it is missing or was meddled with. */
export function readList(key: string): unknown[] {
  const list = read(key);
  return Array.isArray(list) ? list : [];
}

/** Writes a value, or removes it when none is given. Whoever writes keeps a copy in memory for the life of the page. */
export const write = guard((key: string, value?: unknown, area: Area = "localStorage"): void =>
  value ? window[area].setItem(key, JSON.stringify(value)) : window[area].removeItem(key),
);
