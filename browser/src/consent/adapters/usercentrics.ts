/** Usercentrics: only the page's API says anything; what the tool stores is its own. */

import { guard, nothing } from "../../util/guard.ts";
import type { Answers } from "../reading.ts";
import { page } from "../../util/window.ts";

/** What the newer API has answered last: its answers come later. */
let details: any;

export function askUsercentrics(changed: () => void): void {
  if (!page.__ucCmp) return;
  page.__ucCmp.getConsentDetails().then(
    guard((answer: unknown) => {
      details = answer;
      changed();
    }),
    nothing,
  );
}

/**
 * The visitor may choose single services: a category of which only some are on says nothing itself. What was not chosen
 * is left out.
 */
export function readUsercentrics(): Answers {
  const ui = page.UC_UI;
  const services = details ? Object.values(details.services) : ui.isInitialized() && ui.getServicesBaseInfo();
  const answers: Answers = {};
  for (const { name, category, categorySlug: slug = category, consent } of services as any[]) {
    // The older API tells in its history how an answer came to be, the newer one beside the answer.
    const last: any = [].concat(consent?.history || consent).pop();
    if (!last || /implicit/i.test(last.type)) continue;
    const isOn = !!(consent.given || consent.status);
    answers[name] = isOn;
    answers[slug] = slug in answers && answers[slug] !== isOn ? "some" : isOn;
  }
  return answers;
}
