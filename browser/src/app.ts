/**
 * Puts the parts together. Events are held until the gate is open (consent allows it, and no blocker is there) and the
 * hashes of who the visitor is are made; then they go to the queue, to the pixels, and out.
 */

import type { Commands } from "./api.ts";
import { askBlockers, isClear } from "./blockers.ts";
import { followConsent, hearLayer, hearPage, hearTab, reread } from "./consent/follow.ts";
import { advertisingStanding, askRegion, isTold, standing } from "./consent/lanes.ts";
import { statement } from "./consent/statement.ts";
import { followLayer } from "./datalayer/hook.ts";
import { readEntry } from "./datalayer/read.ts";
import { isTwin } from "./datalayer/twins.ts";
import { makeEvent, PURCHASE, type Own, type TandemEvent } from "./events/event.ts";
import { resolveName } from "./events/names.ts";
import { watchForms } from "./identity/forms.ts";
import { forgetUser, identify, keepUser, pending, restoreUser } from "./identity/user.ts";
import type { Page } from "./page.ts";
import { currentPage, startViews, visit } from "./pageviews.ts";
import { tellPixels } from "./pixels/index.ts";
import { forgetReports, isFirstReport } from "./sending/orders.ts";
import { clearQueue, enqueue, limited, restoreQueue } from "./sending/queue.ts";
import { leave, retry, sendAnonymously, sendSoon, stop, withdraw } from "./sending/sender.ts";
import { settings } from "./settings.ts";
import { hearTabs, tellTabs } from "./tabs.ts";
import { guard } from "./util/guard.ts";
import { object, type Params } from "./util/values.ts";
import { forgetVisitor, isKnown } from "./visitor.ts";

const PAGEVIEW = "Pageview";

let held: TandemEvent[] = [];
let isStarted = false;
let isOpen = false;
let wasOpen = false;
/** Advertising is allowed; and was before. */
let isAdvertising = false;
let wasAdvertising = false;
/** How the destinations stood when last looked at. */
let stood = 0;
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
  consent: hearPage,
  page: () => visit(),
};

/** Starts. `drain` runs the calls that the page has made before. */
export function begin(drain: (commands: Commands) => void): void {
  followConsent(decide);
  startViews((page) => {
    reread();
    hold(PAGEVIEW, {}, page);
    lookAtLayer();
  });
  drain(commands);
  listen();
  isStarted = true;
  decide();
}

function listen(): void {
  const goodbye = guard(() => {
    lookAtLayer();
    reread();
    release(true);
    leave();
    wasKnown = isOpen && isKnown();
  });
  addEventListener("load", lookAtLayer);
  addEventListener("pagehide", goodbye);
  document.addEventListener("visibilitychange", () => document.hidden && goodbye());
  const online = guard(() => {
    retry();
    if (!isOpen) decide();
  });
  addEventListener("online", online);
  hearTabs();
  // A page in the browser's cache hears nothing.
  const back = guard(() => (wasKnown && !isKnown() ? hearTab() : reread()));
  addEventListener("pageshow", ({ persisted }) => persisted && back());
}

const lookAtLayer = guard(() => {
  if (settings.data_layer) followLayer(settings.data_layer, takeEntry);
  // The page's own pixel may have come in the meantime.
  if (isStarted && isClear !== false && (isOpen || standing() <= 0)) tellPixels();
});

function takeEntry(entry: unknown): void {
  hearLayer(entry);
  const { user, name, params, dialect } = readEntry(entry);
  identifyUser(user);
  // Views are counted by address, so that the page's own report of one does not count it again.
  if (name === PAGEVIEW) visit();
  else if (name && !isTwin(name, params || {}, dialect)) hold(name, params || {}, currentPage());
}

function identifyUser(given: unknown): void {
  const user = object(given);
  if (!user || isClear === false || advertisingStanding() < 0) return;
  identify(user, (isNews) => {
    if (isNews && isAdvertising) {
      keepUser();
      sendSoon(true);
    }
    release();
  });
}

function hold(name: string, params: Params, page: Page, own?: Own): void {
  if (isClear === false || (standing() < 0 && !isTold(name))) return;
  held = limited(held.concat(makeEvent(name, params, page, own)));
  release();
  if (!isOpen) decide();
}

function release(isLeaving?: boolean): void {
  if (!isOpen || !held.length || (pending && !isLeaving)) return;
  const events = held.filter((event) => event.event_name !== PURCHASE || isFirstReport(event.event_id));
  held = [];
  enqueue(events);
  events.forEach((event) => tellPixels(event));
  sendSoon();
}

/** Opens or closes the gate. `isHeard`: the gateway knows of a withdrawal already. */
function decide(isHeard?: boolean): void {
  if (!isStarted || isClear === false) return;
  const stands = standing();
  const isRefused = stands < 0;
  const isClosing = isRefused && stood >= 0;
  // A visitor who is known from before withdraws too, though this page has done nothing yet.
  const isWithdrawal = !isHeard && (isOpen || (isClosing && isKnown()));
  tellTabs(isWithdrawal);
  if (isClosing) close(isWithdrawal);
  stood = stands;
  if (isRefused) held = held.filter((event) => isTold(event.event_name));
  askRegion(decide);
  if (stands <= 0) {
    isOpen = isAdvertising = false;
    stop();
    tellPixels();
  }
  if (stands > 0 || (isRefused && held.length)) {
    if (settings.respect_blockers && !isClear) askBlockers(takeAnswer);
    else if (isRefused) sendAnonymously(held.splice(0));
    else open(isHeard);
  }
}

function takeAnswer(): void {
  if (isClear === false) held = [];
  if (isClear && !isOpen) decide();
}

function open(isHeard?: boolean): void {
  isOpen = true;
  if (!wasOpen) restoreQueue();
  wasOpen = true;
  lookAtAdvertising();
  tellPixels();
  sendSoon(!isHeard && !!statement);
  release();
}

/** Who the visitor is, is for advertising alone. */
function lookAtAdvertising(): void {
  if (advertisingStanding() < 0) forgetUser();
  isAdvertising = advertisingStanding() > 0;
  if (!isAdvertising || wasAdvertising) return;
  wasAdvertising = true;
  restoreUser();
  if (settings.forms) watchForms(identifyUser);
}

function close(isWithdrawal: boolean): void {
  isOpen = isAdvertising = false;
  forgetUser();
  if (isWithdrawal) withdraw();
  clearQueue();
  forgetReports();
  forgetVisitor();
}
