/** Who this browser is. The cookie decides; until the server has set it, a candidate is kept so that tabs agree. */

import { randomText } from "./events/ids.ts";
import { settings } from "./settings.ts";
import { cookie } from "./util/cookies.ts";
import { read, write } from "./util/storage.ts";

const KEY = "tdv";

let candidate: string | undefined;

function valid(id: unknown): string | undefined {
  return /^[a-z0-9]{16,64}$/.test(id as string) ? (id as string) : undefined;
}

/** The id in the cookie: this browser was known before. */
export function knownVisitor(): string | undefined {
  return valid(cookie(settings.cookie));
}

/** Known by the cookie, or by a candidate for one. */
export function isKnown(): boolean {
  return !!(knownVisitor() || valid(read(KEY)));
}

export function visitorId(): string {
  const known = knownVisitor();
  if (!known) return candidate || keep(valid(read(KEY)) || Date.now().toString(36) + randomText(20));
  // A candidate that outlives the cookie would bring a deleted visitor back.
  write(KEY);
  return known;
}

function keep(id: string): string {
  write(KEY, id);
  return (candidate = id);
}

/** The server's answer says which id it took. */
export function learnVisitor(answer: unknown): void {
  const taken = valid(answer);
  if (taken && taken !== visitorId()) keep(taken);
}

export function forgetVisitor(): void {
  candidate = undefined;
  write(KEY);
}
