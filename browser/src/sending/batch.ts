import type { TandemEvent } from "../events/event.ts";
import { toJson } from "../util/text.ts";

/**
 * Browsers let 64 KiB of requests outlive a page, and the gateway takes no larger body. A character is up to three
 * bytes, and the rest of the body (address, cookies) needs room too.
 */
const MAX_CHARACTERS = 20_000;

/** As many of the first events as one body holds, but at least one. The queue has no more events than a body may. */
export function firstBatch(events: TandemEvent[]): TandemEvent[] {
  let size = 0;
  return events.filter((event, i) => (size += toJson(event).length) < MAX_CHARACTERS || !i);
}
