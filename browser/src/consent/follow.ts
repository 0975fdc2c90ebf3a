/** When consent is read: at the start, and whenever a tool says that something has changed. Nothing is polled. */

import { settings } from "../settings.ts";
import { guard } from "../util/guard.ts";
import { page } from "../util/window.ts";
import { takeMode } from "./adapters/mode.ts";
import { connectTcf } from "./adapters/tcf.ts";
import { askUsercentrics } from "./adapters/usercentrics.ts";
import { hearOtherTab, readConsent, sayConsent } from "./statement.ts";

/** To be told when anything has changed; and whether the gateway knows already. */
let changed: (isKnown?: boolean) => void;
let isDue = false;

export function followConsent(callback: typeof changed): void {
  changed = callback;
  // Some are fired at the document, some at the window: on their way down they all pass the window.
  (settings.consent_events + " load").split(" ").forEach((name) => addEventListener(name, soon, true));
  page.cookieStore?.addEventListener?.("change", soon);
  // These are there before the tools are: what is pushed is called once they run.
  subscribe("didomiOnReady", soon);
  subscribe("didomiEventListeners", { event: "consent.changed", listener: soon });
  subscribe("_axcb", (sdk: any) => sdk.on("cookies:complete", soon));
  connect();
}

const subscribe = guard((name: string, what: unknown) => (page[name] = page[name] || []).push(what));

function connect(): void {
  guard(connectTcf)(soon);
  guard(askUsercentrics)(readSoon);
}

/** In a task of its own: some tools fire their event first and write their cookie then. */
function readSoon(): void {
  if (isDue) return;
  isDue = true;
  setTimeout(guard(reread));
}

const soon = guard(() => {
  connect();
  readSoon();
});

export function reread(isKnown?: boolean): void {
  isDue = false;
  if (readConsent()) changed(isKnown);
}

/** The page's own word. */
export function hearPage(word: unknown): void {
  sayConsent(word);
  reread();
}

/** What another tab has heard a no to; to everything, when nothing is given. */
export function hearTab(refused?: string[]): void {
  hearOtherTab(refused);
  reread(true);
}

export function hearLayer(entry: unknown): void {
  if (takeMode(entry)) reread();
}
