import { privacyControl } from "../consent/statement.ts";
import type { TandemEvent } from "../events/event.ts";
import { hashes } from "../identity/user.ts";
import { guard, nothing } from "../util/guard.ts";
import { page } from "../util/window.ts";
import { visitorId } from "../visitor.ts";
import type { MakePixel, PixelState } from "./index.ts";
import { addScript } from "./script.ts";

/** The calls that wait in the queue until TikTok's script takes over. */
const METHODS =
  "page track identify instances debug on off once ready alias group " +
  "enableCookie disableCookie holdConsent revokeConsent grantConsent";

type Call = (...args: unknown[]) => void;

/** TikTok's queue, and later its script, under one global name. Its script looks for the underscored tables. */
type Method = "track" | "identify" | "ready" | "revokeConsent" | "holdConsent" | "grantConsent";

type Ttq = unknown[] & { [method in Method]: Call } & {
  instance?(id: string): Ttq;
  load?: Call;
  _i?: Record<string, unknown[]>;
  _t?: Record<string, number>;
  _o?: Record<string, unknown>;
};

export const tiktok: MakePixel = ({ id, script }, say) => {
  let identified: string | undefined;
  /** What we have told the pixel. */
  let ours = new Set<unknown>();
  /** How we stand with the pixel; left alone, it takes itself to be allowed. */
  let told = 1;
  /** Adds its script; nothing before it is allowed for the first time. */
  let add: (() => void) | undefined;
  const isAllowed = () => told > 0;

  function start(): void {
    const ttq = (page.ttq = page.ttq || makeQueue(script, isAllowed));
    add = nothing;
    say("loading");
    // When the page has loaded this pixel itself, a second copy would count everything twice.
    if (ttq._i?.[id]) ttq.ready(() => say("loaded"));
    else {
      add = load(ttq, script, id, say, privacyControl() ? { limited_data_use: true } : {}, isAllowed);
    }
  }

  /** The pixel to call. When the page has further ones, a call reaches them all unless it goes to an instance. */
  function target(): Ttq {
    const all = page.ttq;
    return all.instance && Object.keys(all._i || {}).length > 1 ? all.instance(id) : all;
  }

  return {
    track(event) {
      const identity = identityOf();
      const params = paramsOf(event);
      ours.add(identity).add(params);
      const asText = JSON.stringify(identity);
      // It counts for the events after it, and each call replaces the one before.
      if (identified !== asText) target().identify(identity);
      identified = asText;
      // Page views too: `ttq.page()` takes no event id, so TikTok could not pair it with the gateway's event and would
      // count both.
      target().track(event.event_name, params, { event_id: event.event_id });
    },
    settle(standing) {
      if (standing > 0 && !add) start();
      const ttq = page.ttq;
      // The page may have loaded this pixel itself, or be about to. Others than ours are not ours to hold.
      if (ttq && standing !== told && (add || !ttq._i || ttq._i[id])) {
        told = standing;
        const method = standing < 0 ? "revokeConsent" : standing ? "grantConsent" : "holdConsent";
        // Base code that is older than these calls: TikTok's script takes them from the queue all the same.
        guard((all: Ttq) => (all[method] ? all[method]() : all.push([method])))(target());
        if (standing > 0) add!();
      }
      if (standing >= 0 || !ttq) return;
      const dropped = ours;
      ours = new Set();
      identified = undefined;
      // What waits for TikTok's script is not to be told any more.
      for (const calls of [ttq, ttq._i?.[id] || []] as unknown[][][]) {
        calls.splice(0, Infinity, ...calls.filter((call) => !call.some((value) => dropped.has(value))));
      }
    },
  };
};

/** An array that keeps calls as `[name, ...arguments]`. */
function makeQueue(script: string, isAllowed: () => boolean): Ttq {
  const ttq = defer([]);
  ttq.instance = (id) => defer(ttq._i?.[id] || []);
  ttq.load = (id, options) => void load(ttq, script, id as string, nothing, options || {}, isAllowed);
  page.TiktokAnalyticsObject = "ttq";
  return ttq;
}

function defer(calls: unknown[]): Ttq {
  const on = calls as Ttq & Record<string, Call>;
  METHODS.split(" ").forEach((name) => (on[name] = (...args) => void calls.push([name, ...args])));
  return on;
}

function load(
  ttq: Ttq,
  script: string,
  id: string,
  say: (state: PixelState) => void,
  options: unknown,
  isAllowed: () => boolean,
): () => void {
  const calls: unknown[] = Object.assign([], { _u: script });
  const all = (ttq._i = ttq._i || {});
  all[id] = calls;
  (ttq._t = ttq._t || {})[id] = Date.now();
  (ttq._o = ttq._o || {})[id] = options;
  return addScript(`${script}?sdkid=${id}&lib=ttq`, say, () => {
    if (!isAllowed()) return false;
    const present = all[id];
    if (present === calls) return true;
    // The page's own base code has come after us, and loads the pixel itself.
    if (present) present.push(...calls.splice(0));
    ttq.ready(() => say("loaded"));
    return false;
  });
}

/** The visitor's id goes in as it is: TikTok's script hashes it, and the gateway sends the same hash. */
function identityOf(): object {
  const { email, phone } = hashes;
  return {
    external_id: visitorId(),
    ...(email && { sha256_email: email[0] }),
    ...(phone && { sha256_phone_number: phone[0] }),
  };
}

/** What is undefined is left out. The copy is TikTok's to change. */
function paramsOf({ event_name, event_id, at, page, search_string, properties, ...params }: TandemEvent): object {
  return JSON.parse(
    JSON.stringify({ ...params, query: search_string, description: properties?.description }),
  );
}
