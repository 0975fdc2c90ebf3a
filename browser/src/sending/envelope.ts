import { isAllowed, privacyControl, statement } from "../consent.ts";
import type { TandemEvent } from "../events/event.ts";
import { hashes } from "../identity/user.ts";
import { currentPage } from "../pageviews.ts";
import { pixelStates } from "../pixels/index.ts";
import { settings } from "../settings.ts";
import { cookie } from "../util/cookies.ts";
import { toJson } from "../util/text.ts";
import { visitorId } from "../visitor.ts";

/** The body of a post. After a withdrawal it says only that, and who. */
export function makeBody(events: TandemEvent[]): string {
  const page = currentPage();
  return toJson({
    visitor: visitorId(),
    sent_at: Date.now(),
    page,
    locale: navigator.language,
    consent: statement,
    automated: navigator.webdriver || undefined,
    gpc: privacyControl() || undefined,
    ...(isAllowed() && { cookies: readCookies(), pixels: pixelStates, user: hashes }),
    // The title is not compared: it may have come later than the event.
    events: events.map((event) =>
      event.page.url === page.url && event.page.referrer === page.referrer ? { ...event, page: undefined } : event,
    ),
  });
}

function readCookies(): Record<string, string | undefined> {
  const jar: Record<string, string | undefined> = {};
  for (const name of settings.cookies) jar[name] = cookie(name);
  return jar;
}
