/**
 * Puts the parts together. Events are held until the gate is open (consent allows it, and no blocker is there) and the
 * hashes of who the visitor is are made; then they go to the queue, to the pixels, and out.
 */

import type { Commands } from "./api.ts";
import { isUnblocked } from "./blockers.ts";
import { isAllowed, isDenied, sayConsent, statement } from "./consent.ts";
import { followLayer } from "./datalayer/hook.ts";
import { readEntry } from "./datalayer/read.ts";
import { isTwin } from "./datalayer/twins.ts";
import { makeEvent, PURCHASE, type Own, type TandemEvent } from "./events/event.ts";
import { resolveName } from "./events/names.ts";
import { watchForms } from "./identity/forms.ts";
import { forgetUser, identify, keepUser, pending, restoreUser } from "./identity/user.ts";
import type { Page } from "./page.ts";
import { currentPage, startViews, visit } from "./pageviews.ts";
import { eachPixel, startPixels } from "./pixels/index.ts";
import { forgetReports, isFirstReport } from "./sending/orders.ts";
import { clearQueue, enqueue, limited, restoreQueue } from "./sending/queue.ts";
import { leave, retry, sendSoon, stop, withdraw } from "./sending/sender.ts";
import { settings } from "./settings.ts";
import { guard } from "./util/guard.ts";
import { object, type Params } from "./util/values.ts";
import { write } from "./util/storage.ts";
import { forgetVisitor, isKnown } from "./visitor.ts";

const PAGEVIEW = "Pageview";

/** Written for a moment when consent is withdrawn, so that other tabs hear of it. */
const WITHDRAWN = "tdx";

let held: TandemEvent[] = [];
let isStarted = false;
let isOpen = false;
let wasOpen = false;
/** Whether content blockers let us through; nothing while that is not known. */
let isClear: boolean | undefined;
let question: Promise<void> | undefined;
/** Whether the visitor was known when the page was left. */
let wasKnown = false;

const commands: Commands = {
  track(name, params, options) {
    const known = resolveName(name);
    const own: Own = object(options) || {};
    // Under an id of its own it is the page that knows what a view is.
    if (known === PAGEVIEW && !own.event_id) visit();
    else if (known) hold(known, object(params) || {}, currentPage(), own);
  },
  identify: identifyUser,
  consent: (word) => hearConsent(word, "tandem('consent')"),
  page: () => visit(),
};

/** For whoever knows about consent: the page's own code, or an adapter of a consent manager. */
function hearConsent(word: unknown, evidence: string): void {
  if (sayConsent(word, evidence)) decide();
}

/** Starts. `drain` runs the calls that the page has made before. */
export function begin(drain: (commands: Commands) => void): void {
  startViews((page) => {
    hold(PAGEVIEW, {}, page);
    lookAtLayer();
  });
  drain(commands);
  addEventListener("load", lookAtLayer);
  listen();
  isStarted = true;
  decide();
}

function listen(): void {
  const goodbye = guard(() => {
    lookAtLayer();
    release(true);
    leave();
    wasKnown = isOpen && isKnown();
  });
  addEventListener("pagehide", goodbye);
  document.addEventListener("visibilitychange", () => document.hidden && goodbye());
  const online = guard(() => {
    retry();
    decideAgain();
  });
  addEventListener("online", online);
  const elsewhere = guard(() => sayConsent("denied", "another tab") && decide(true));
  addEventListener("storage", ({ key, newValue }) => key === WITHDRAWN && newValue && elsewhere());
  // A page in the browser's cache hears nothing.
  const back = guard(() => wasKnown && !isKnown() && elsewhere());
  addEventListener("pageshow", ({ persisted }) => persisted && back());
}

const lookAtLayer = guard(() => settings.data_layer && followLayer(settings.data_layer, takeEntry));

function takeEntry(entry: unknown): void {
  const { user, name, params, dialect } = readEntry(entry);
  identifyUser(user);
  // Views are counted by address, so that the page's own report of one does not count it again.
  if (name === PAGEVIEW) visit();
  else if (name && !isTwin(name, params || {}, dialect)) hold(name, params || {}, currentPage());
}

function isRefused(): boolean | undefined {
  return isClear === false || isDenied();
}

function identifyUser(given: unknown): void {
  const user = object(given);
  if (!user || isRefused()) return;
  identify(user, (isNews) => {
    if (isNews && isOpen) {
      keepUser();
      sendSoon(true);
    }
    release();
  });
}

function hold(name: string, params: Params, page: Page, own?: Own): void {
  if (isRefused()) return;
  held = limited(held.concat(makeEvent(name, params, page, own)));
  release();
  decideAgain();
}

function release(isLeaving?: boolean): void {
  if (!isOpen || !held.length || (pending && !isLeaving)) return;
  const events = held.filter((event) => event.event_name !== PURCHASE || isFirstReport(event.event_id));
  held = [];
  enqueue(events);
  for (const event of events) eachPixel((pixel) => pixel.track(event));
  sendSoon();
}

/** Opens or closes the gate. `isSaid`: the gateway is told of the withdrawal already. */
function decide(isSaid?: boolean): void {
  if (!isStarted || isClear === false) return;
  if (isDenied()) close(isSaid);
  else if (isAllowed()) {
    if (isClear || !settings.respect_blockers) open();
    else question = question || isUnblocked().then(guard(takeAnswer));
  }
}

function decideAgain(): void {
  if (!isOpen && !isDenied()) decide();
}

function takeAnswer(clear?: boolean): void {
  question = undefined;
  isClear = clear;
  if (clear === false) held = [];
  if (clear) decideAgain();
}

function open(): void {
  isOpen = true;
  if (wasOpen) eachPixel((pixel) => pixel.consent(true));
  else prepare();
  wasOpen = true;
  sendSoon(!!statement);
  release();
}

/** What must not be touched before the gate is open for the first time. */
function prepare(): void {
  restoreQueue();
  restoreUser();
  startPixels();
  if (settings.forms) watchForms(identifyUser);
}

function close(isSaid?: boolean): void {
  // A visitor who is known from before withdraws too, though this page has done nothing yet.
  const isWithdrawal = isOpen || isKnown();
  isOpen = false;
  held = [];
  forgetUser();
  if (isWithdrawal) {
    eachPixel((pixel) => pixel.consent(false));
    if (isSaid) stop();
    else {
      withdraw();
      write(WITHDRAWN, 1);
      write(WITHDRAWN);
    }
  }
  clearQueue();
  forgetReports();
  forgetVisitor();
}
