import { advertisingStanding } from "../consent/lanes.ts";
import { privacyControl, statement } from "../consent/statement.ts";
import type { TandemEvent } from "../events/event.ts";
import { randomText } from "../events/ids.ts";
import { hashes } from "../identity/user.ts";
import { currentPage } from "../pageviews.ts";
import { pixelStates } from "../pixels/index.ts";
import { settings } from "../settings.ts";
import { cookie } from "../util/cookies.ts";
import { toJson } from "../util/text.ts";
import { visitorId } from "../visitor.ts";

/** The body of a post. That of a withdrawal says only that, and who. */
export function makeBody(events: TandemEvent[], isWithdrawal?: boolean): string {
  const page = currentPage();
  const isAdvertising = advertisingStanding() > 0;
  const body = toJson({
    // The first number, for those who send it later.
    sent_at: Date.now(),
    visitor: visitorId(),
    ...(!isWithdrawal && { page, locale: navigator.language }),
    consent: statement,
    automated: navigator.webdriver || undefined,
    gpc: privacyControl() || undefined,
    ...(isAdvertising && { cookies: readCookies(), pixels: pixelStates, user: hashes }),
    // The title is not compared: it may have come later than the event.
    events: events.map((event) =>
      event.page.url === page.url && event.page.referrer === page.referrer ? { ...event, page: undefined } : event,
    ),
  });
  // Wherever an address stands in it. A quotation mark or a backslash ends the text that the address is.
  const clickIds = RegExp(`([?&])(${settings.click_ids.join("|")})=[^&"\\\\]*`, "g");
  return isAdvertising ? body : body.replace(clickIds, "$1");
}

/** All that a visitor who has refused lets out: what happened, and on which page; or only which order it was. */
export function makeAnonymousBody(events: TandemEvent[]): string {
  return toJson({
    // Another one each time: it is nobody's.
    visitor: randomText(20),
    sent_at: Date.now(),
    consent: statement,
    events: events.map(({ search_string, properties, page, ...event }) => {
      const { event_name, event_id, order_id, at } = event;
      return {
        ...(settings.anonymous ? event : { event_name, event_id, order_id, at }),
        page: { url: page.url.split("?")[0] },
      };
    }),
  });
}

function readCookies(): Record<string, string | undefined> {
  const jar: Record<string, string | undefined> = {};
  for (const name of settings.cookies) jar[name] = cookie(name);
  return jar;
}
