/** When queued events go out: at once, again after a failure, or in the last moment of the page. */

import type { TandemEvent } from "../events/event.ts";
import { guard } from "../util/guard.ts";
import { learnVisitor } from "../visitor.ts";
import { firstBatch } from "./batch.ts";
import { makeAnonymousBody, makeBody } from "./envelope.ts";
import { forgetReport } from "./orders.ts";
import { handOver, post } from "./post.ts";
import { dequeue, queue } from "./queue.ts";

/** How long to wait after the first, second and every further failure. */
const PAUSES_MS = [2_000, 10_000, 60_000];

/** Handed to the browser while leaving. They stay queued until a post is answered; repeats are harmless. */
const handedOver = new WeakSet<TandemEvent>();

let isOn = false;
/** Something beside events is to be said: a body goes out even without any. */
let hasNews = false;
/** The body that tells of a withdrawal, as it was made when there was still a visitor to name. */
let withdrawal: string | undefined;
let isScheduled = false;
let isPosting = false;
let failures = 0;
let timer = 0;

/** Sends what is queued in a task of its own, so that events of one task share a body. `news`: also without events. */
export function sendSoon(news?: boolean): void {
  isOn = true;
  hasNews ||= !!news;
  if (isScheduled || timer) return;
  isScheduled = true;
  setTimeout(guard(flush));
}

/** Tries again at once. */
export function retry(): void {
  clearTimeout(timer);
  timer = 0;
  flush();
}

/** The page may be gone in a moment: hands everything that is not confirmed to the browser, once. */
export function leave(): void {
  if (withdrawal && handOver(dated(withdrawal))) withdrawal = undefined;
  let rest = queue.filter((event) => !handedOver.has(event));
  while (isOn && (rest.length || hasNews)) {
    const batch = firstBatch(rest);
    if (!handOver(makeBody(batch))) return;
    hasNews = false;
    batch.forEach((event) => handedOver.add(event));
    rest = rest.slice(batch.length);
  }
}

export function stop(): void {
  isOn = hasNews = false;
}

/** Sent now: it is by this that the gateway knows how old a word is. */
function dated(body: string): string {
  return body.replace(/\d+/, Date.now() as unknown as string);
}

/** Stops, and sends only that, until the gateway has it. */
export function withdraw(): void {
  stop();
  withdrawal = makeBody([], true);
  retry();
}

/** Sends events that nobody stands behind. None is kept, and none is tried again. */
export function sendAnonymously(events: TandemEvent[]): void {
  for (let rest = events; rest.length; ) {
    const batch = firstBatch(rest);
    void post(makeAnonymousBody(batch), "omit");
    rest = rest.slice(batch.length);
  }
}

function flush(): void {
  isScheduled = false;
  const said = withdrawal;
  const events = isOn && !said ? firstBatch(queue) : [];
  if (isPosting || !(said || (isOn && hasNews) || events.length)) return;
  const hadNews = hasNews;
  const body = said ? dated(said) : makeBody(events);
  isPosting = true;
  withdrawal = undefined;
  if (!said) hasNews = false;
  void post(body, "include").then(
    guard(({ isTaken, isRefused, visitor }) => {
      isPosting = false;
      if (isOn) learnVisitor(visitor);
      if (isTaken || isRefused) {
        failures = 0;
        dequeue(events);
        if (isRefused) events.forEach(forgetReport);
        flush();
      } else {
        withdrawal ||= said;
        hasNews ||= hadNews;
        timer = window.setTimeout(guard(retry), PAUSES_MS[Math.min(failures++, 2)]);
      }
    }),
  );
}
