/**
 * Transparency and Consent Framework of the IAB, version 2: the page's API. The string in the tool's cookie is not read
 * here; the gateway does that.
 */

import { settings } from "../../settings.ts";
import { guard } from "../../util/guard.ts";
import { cookie } from "../../util/cookies.ts";
import { REST, type Answers } from "../reading.ts";
import { page } from "../../util/window.ts";

/** Our policy. Storage, building profiles, using them, measuring ads. */
const FOR_ADVERTISING = [1, 3, 4, 7];
/** Storage, and statistics of the audience. */
const FOR_ANALYTICS = [1, 9];

/** What the API has said last. */
let said: any;
let isConnected = false;

/** Asks the API to tell us; it may come later than we do. */
export function connectTcf(changed: () => void): void {
  if (isConnected || !page.__tcfapi) return;
  isConnected = true;
  const take = guard((data: any) => {
    if (data.gdprApplies !== false && !/^(tcloaded|useractioncomplete)$/.test(data.eventStatus)) return;
    said = data;
    changed();
  });
  page.__tcfapi("addEventListener", 2, take);
}

export function readTcf(): Answers | false | undefined | "" {
  // The tool is there, or was on an earlier page: until it speaks, its silence is no yes.
  if (!said) return (page.__tcfapi || cookie("euconsent-v2")) && { [REST]: false, method: "pending" };
  const { gdprApplies, purpose, vendor, publisher } = said;
  const has = (id: number) => purpose.consents[id];
  const answers: Answers = { advertising: FOR_ADVERTISING.every(has), analytics: FOR_ANALYTICS.every(has) };
  for (const { platform, tcf_vendor: id } of settings.lanes) {
    if (!id) continue;
    const isForbidden = (purpose: number) => publisher?.restrictions?.[purpose]?.[id] === 0;
    answers[platform] = !!vendor.consents[id] && !FOR_ADVERTISING.some(isForbidden);
  }
  return gdprApplies !== false && answers;
}
