/** Purchases that this browser has reported: a thank-you page that is opened again reports no second one. */

import type { TandemEvent } from "../events/event.ts";
import { readList, write } from "../util/storage.ts";

const KEY = "tdo";
const MAX_ORDERS = 20;

let reported: unknown[] = [];

/** Whether the purchase is reported for the first time, which is then remembered. */
export function isFirstReport(eventId: string): boolean {
  reported = reported.concat(readList(KEY));
  if (reported.includes(eventId)) return false;
  reported = [eventId].concat(reported as string[]).slice(0, MAX_ORDERS);
  write(KEY, reported);
  return true;
}

/** The gateway has refused this event: if it is a purchase, it was not reported. */
export function forgetReport({ event_id }: TandemEvent): void {
  reported = reported.concat(readList(KEY)).filter((id) => id !== event_id);
  write(KEY, reported.length ? reported.slice(0, MAX_ORDERS) : undefined);
}

export function forgetReports(): void {
  reported = [];
  write(KEY);
}
