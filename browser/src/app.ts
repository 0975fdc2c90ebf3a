/**
 * Puts the parts together. Events are held until the gate is open (consent allows it, and no blocker is there) and the
 * hashes of who the visitor is are made; then they go to the queue, to the pixels, and out.
 */

import type { Commands } from "./api.ts";
import { isUnblocked } from "./blockers.ts";
import { isAllowed, isDenied, sayConsent, statement } from "./consent.ts";
import { followLayer } from "./datalayer/hook.ts";
import { readEntry } from "./datalayer/read.ts";
import { makeEvent, PURCHASE, type Own, type TandemEvent } from "./events/event.ts";
import { resolveName } from "./events/names.ts";
import { watchForms } from "./identity/forms.ts";
import { forgetUser, identify, keepUser, pending, restoreUser } from "./identity/user.ts";
import type { Page } from "./page.ts";
import { currentPage, startViews, visit } from "./pageviews.ts";
import { eachPixel, startPixels } from "./pixels/index.ts";
import { forgetReports, isFirstReport } from "./sending/orders.ts";
import { clearQueue, enqueue, restoreQueue } from "./sending/queue.ts";
import { leave, retry, sendSoon, withdraw } from "./sending/sender.ts";
import { settings } from "./settings.ts";
import { guard } from "./util/guard.ts";
import { object, type Params } from "./util/values.ts";
import { forgetVisitor, knownVisitor } from "./visitor.ts";

const PAGEVIEW = "Pageview";

/** This many events wait for consent. */
const MAX_HELD = 50;

let held: TandemEvent[] = [];
let isStarted = false;
let isOpen = false;
let wasOpen = false;
/** Whether content blockers let us through; nothing while that is not known. */
let isClear: boolean | undefined;
let answer: Promise<void> | undefined;

const commands: Commands = {
  track(name, params, options) {
    const known = resolveName(name);
    if (known) hold(known, object(params) || {}, currentPage(), object(options) || {});
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
  isStarted = true;
  decide();
}

const lookAtLayer = guard(() => settings.data_layer && followLayer(settings.data_layer, takeEntry));

function takeEntry(entry: unknown): void {
  const { user, name, params } = readEntry(entry);
  identifyUser(user);
  // Views are counted by address, so that the page's own report of one does not count it again.
  if (name === PAGEVIEW) visit();
  else if (name) hold(name, params || {}, currentPage());
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
  held = held.concat(makeEvent(name, params, page, own)).slice(-MAX_HELD);
  release();
}

function release(isLeaving?: boolean): void {
  if (!isOpen || !held.length || (pending && !isLeaving)) return;
  const events = held.filter((event) => event.event_name !== PURCHASE || isFirstReport(event.event_id));
  held = [];
  enqueue(events);
  for (const event of events) eachPixel((pixel) => pixel.track(event));
  sendSoon();
}

/** Opens or closes the gate. */
function decide(): void {
  if (!isStarted || isClear === false) return;
  if (isDenied()) close();
  else if (isAllowed()) {
    if (isClear || !settings.respect_blockers) open();
    else answer = answer || isUnblocked().then(guard(takeAnswer));
  }
}

function takeAnswer(clear: boolean): void {
  isClear = clear;
  if (!clear) held = [];
  decide();
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
  const goodbye = guard(() => {
    lookAtLayer();
    release(true);
    leave();
  });
  addEventListener("pagehide", goodbye);
  document.addEventListener("visibilitychange", () => document.hidden && goodbye());
  addEventListener("online", guard(retry));
  if (settings.forms) watchForms(identifyUser);
}

function close(): void {
  // A visitor who is known from before withdraws too, though this page has done nothing yet.
  const isWithdrawal = isOpen || knownVisitor();
  isOpen = false;
  held = [];
  forgetUser();
  if (isWithdrawal) {
    eachPixel((pixel) => pixel.consent(false));
    withdraw();
  }
  clearQueue();
  forgetReports();
  forgetVisitor();
}
