/**
 * Events that the gateway has not confirmed. What is here is also stored, so that a later page can send it. Other tabs
 * store into the same list: it is read again before each change, and events of theirs stay. Storage that fails costs
 * only this: the events die with the page.
 */

import { PURCHASE, type TandemEvent } from "../events/event.ts";
import { readList, write } from "../util/storage.ts";

const KEY = "tdq";
const MAX_EVENTS = 50;
const MAX_AGE_MS = 48 * 3600 * 1000;

/** This page's events and those that earlier pages left, oldest first. */
export let queue: TandemEvent[] = [];

/** Takes over what earlier pages left. */
export function restoreQueue(): void {
  queue = usable(readList(KEY)).concat(queue);
}

export function enqueue(events: TandemEvent[]): void {
  queue = usable(queue.concat(events));
  store(usable(readList(KEY).concat(events)));
}

/** The gateway has these, or will never take them. */
export function dequeue(events: TandemEvent[]): void {
  const done = events.map(key);
  const isLeft = (event: TandemEvent) => !done.includes(key(event));
  queue = queue.filter(isLeft);
  store(usable(readList(KEY)).filter(isLeft));
}

export function clearQueue(): void {
  store((queue = []));
}

function store(events: TandemEvent[]): void {
  write(KEY, events.length ? events : undefined);
}

function key(event: TandemEvent): string {
  return event.event_name + " " + event.event_id;
}

/** Not too many: the oldest go, but no purchase does. */
export function limited(events: TandemEvent[]): TandemEvent[] {
  let excess = events.length - MAX_EVENTS;
  return events.filter((event) => event.event_name === PURCHASE || --excess < 0);
}

/** Events indeed, young enough to be counted by the platforms. */
function usable(events: unknown[]): TandemEvent[] {
  return limited(
    (events as (TandemEvent | null)[]).filter(
      (event): event is TandemEvent => !!event?.page && Date.now() - event.at < MAX_AGE_MS,
    ),
  );
}
