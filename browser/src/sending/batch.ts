import type { TandemEvent } from "../events/event.ts";
import { bytes, toJson } from "../util/text.ts";

/**
 * Browsers let 64 KiB of requests outlive a page, and the gateway takes no larger body. The rest of the body (address,
 * cookies) needs room too.
 */
const MAX_BYTES = 45_000;

/** The gateway takes no more in a body. */
const MAX_EVENTS = 50;

/** As many of the first events as one body holds, but at least one. */
export function firstBatch(events: TandemEvent[]): TandemEvent[] {
  let size = 0;
  return events.slice(0, MAX_EVENTS).filter((event, i) => (size += bytes(toJson(event))) < MAX_BYTES || !i);
}
