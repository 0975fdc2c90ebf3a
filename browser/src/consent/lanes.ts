/** What the visitor's consent means for each destination. */

import { PURCHASE } from "../events/event.ts";
import { request } from "../sending/request.ts";
import { endpoint, settings, type Lane } from "../settings.ts";
import { guard } from "../util/guard.ts";
import { DENIED, DENIED_BY_DEFAULT, GRANTED } from "./purposes.ts";
import { levels, privacyControl } from "./statement.ts";

/** How a destination stands. */
export const REFUSED = -1;
/** Events are held. */
export const WAITING = 0;
export const ALLOWED = 1;

/** How silence counts in the visitor's region, once the gateway has said so. */
let byRegion: "wait" | "assume" | undefined;
let isAsked = false;

const asks = (lane: Lane) => lane.unknown === "ask";

/** Privacy control is a no where silence may count as a yes. Undefined while the gateway is still to say where that is. */
function isControlled(): boolean | undefined {
  if (settings.gpc !== "deny_in_opt_out_regions" || !privacyControl()) return false;
  return byRegion ? byRegion === "assume" : settings.lanes.some(asks) && undefined;
}

function standingOf({ platform, requires, unknown }: Lane): number {
  const isAssumed = (unknown === "ask" ? byRegion : unknown) === "assume";
  const vendor = levels["@" + platform];
  const standings = requires.map((purpose) => {
    const level = levels[purpose];
    if (level === DENIED || vendor === DENIED) return REFUSED;
    const isNo = purpose === "advertising" && isControlled();
    if (isNo !== false) return isNo ? REFUSED : WAITING;
    if (level === GRANTED || (vendor === GRANTED && purpose !== "functional")) return ALLOWED;
    if (level === DENIED_BY_DEFAULT) return WAITING;
    return isAssumed || (level && settings.accept_defaults) ? ALLOWED : WAITING;
  });
  return Math.min(ALLOWED, ...standings);
}

/** The best standing of any of the destinations. */
function best(isMeant: (lane: Lane) => boolean): number {
  return Math.max(REFUSED, ...settings.lanes.filter(isMeant).map(standingOf));
}

export function standing(): number {
  return best(() => true);
}

export function standingOn(platform: string): number {
  return best((lane) => lane.platform === platform);
}

/** Whether what names a person or a click may be kept and sent. */
export function advertisingStanding(): number {
  return best((lane) => lane.requires.includes("advertising"));
}

/**
 * What is told of a visitor who has refused. Where silence may count as a yes, the shop's own report of an order must
 * not be sent either: the gateway hears of the no together with the order, and with nobody's name.
 */
export function isTold(name: string): boolean | undefined {
  return settings.anonymous || (settings.refused_orders && name === PURCHASE);
}

/** Asks the gateway about the visitor's region, once, when a destination waits for that. */
export function askRegion(answered: () => void): void {
  const isUnsure = isControlled() === undefined;
  if (isAsked || !settings.lanes.some((lane) => (isUnsure || asks(lane)) && standingOf(lane) === WAITING)) return;
  isAsked = true;
  const take = guard((answer?: { unknown?: unknown }) => {
    byRegion = answer?.unknown === "assume" ? "assume" : "wait";
    answered();
  });
  request(new URL("c", endpoint).href, { credentials: "omit" })
    .then((answer) => (answer.ok ? answer.json() : undefined))
    .then(take, () => take());
}
