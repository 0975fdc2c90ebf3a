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

/** Whether silence counts as a yes in the visitor's region, once the gateway has said so. */
let byRegion: boolean | undefined;
let isAsked = false;

const asks = (lane: Lane) => lane.unknown === "ask";

function standingOf(lane: Lane): number {
  const { platform, requires, unknown } = lane;
  const isAssumed = asks(lane) ? byRegion : unknown === "assume";
  const vendor = levels["@" + platform];
  const standings = requires.map((purpose) => {
    const level = levels[purpose];
    if (level === DENIED || vendor === DENIED) return REFUSED;
    if (purpose === "advertising" && settings.gpc === "deny_in_opt_out_regions" && privacyControl()) {
      // Where silence counts as a yes, privacy control is a no; and while that is still to be told, nobody knows.
      if (byRegion) return REFUSED;
      if (byRegion === undefined && settings.lanes.some(asks)) return WAITING;
    }
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

/** Asks the gateway about the visitor's region, once, when a destination may wait for that. */
export function askRegion(answered: () => void): void {
  if (isAsked || !settings.lanes.some(asks) || !settings.lanes.some((lane) => standingOf(lane) === WAITING)) return;
  isAsked = true;
  const take = guard((answer?: { unknown?: unknown }) => {
    byRegion = answer?.unknown === "assume";
    answered();
  });
  request(new URL("c", endpoint).href, { credentials: "omit" })
    .then((answer) => (answer.ok ? answer.json() : undefined))
    .then(take, () => take());
}
