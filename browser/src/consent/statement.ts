/** What is known of the visitor's consent: every signal there is, merged. */

import { settings } from "../settings.ts";
import { guard } from "../util/guard.ts";
import { object } from "../util/values.ts";
import { TOOLS } from "./adapters/tools.ts";
import { DENIED, GRANTED, nameOf, type Levels } from "./purposes.ts";
import { makeReading, type Answers, type Reading, type Row } from "./reading.ts";

/** As it stands in the body of a post: purposes and vendors are `granted` or `denied`. */
export interface Statement {
  advertising?: string;
  analytics?: string;
  functional?: string;
  /** By platform. */
  vendors: Record<string, string | undefined>;
  /** What decided about advertising. */
  signal: string;
  value: string;
  /** No choice of the visitor's is behind what is said of these. */
  by_default: string[];
  /** When it came to be, by the page's clock. */
  at: number;
}

/** Nothing when nothing is known. */
export let statement: Statement | undefined;

/** Merged. */
export let levels: Levels = {};

/** The page's own words, by purpose. */
let own: Answers = {};

/** What another tab has withdrawn. */
let elsewhere: Answers = {};

/** What was read last, to see whether anything has changed. */
let tools = "";
let merged: string;

/** What is there beside the tools. */
const SIGNALS: Row[] = [
  ["page", () => own],
  ["another_tab", () => elsewhere],
  ["gpc", () => ({ advertising: !(privacyControl() && settings.gpc === "deny") && undefined })],
];

/** Takes `granted` or `denied` for everything, or an object with them for some purposes. */
export function sayConsent(word: unknown): void {
  const given = object(word);
  for (const purpose in settings.categories) {
    const one = given ? given[purpose] : word;
    if (one !== "granted" && one !== "denied") continue;
    own[purpose] = one;
    delete elsewhere[purpose];
  }
}

/** What the page has said here is older than another tab's no; what its tools say is, too, until it changes. */
export function hearOtherTab(refused = Object.keys(settings.categories)): void {
  for (const key of refused) elsewhere[key.replace("@", "")] = false;
}

/** What the visitor has said no to, for other tabs. */
export function refusals(): string[] {
  return Object.keys(levels).filter((key) => levels[key] === DENIED);
}

export function privacyControl(): boolean {
  return (navigator as Navigator & { globalPrivacyControl?: unknown }).globalPrivacyControl === true;
}

function read(rows: Row[]): Reading[] {
  return rows.flatMap(([signal, read]) => {
    const answers = guard(read)();
    const reading = answers && guard(makeReading)(signal, answers);
    return reading || [];
  });
}

function describe({ signal, value }: Reading): Statement {
  const purposes: Record<string, string | undefined> = {};
  const vendors: Statement["vendors"] = {};
  const by_default: string[] = [];
  for (const key in levels) {
    const level = levels[key]!;
    if (key[0] === "@") vendors[key.slice(1)] = nameOf(level);
    else purposes[key] = nameOf(level);
    if (level && level < GRANTED) by_default.push(key);
  }
  return { ...purposes, vendors, signal, value, by_default, at: Date.now() };
}

/** Reads everything again, and says whether anything has changed. */
export function readConsent(): boolean {
  const readings = read(TOOLS);
  // Only a new yes lifts another tab's no: a tool may repeat what it said before, or say more of something else.
  const isNews = (one: Reading) => one.levels.advertising === GRANTED && !tools.includes(JSON.stringify(one));
  if (readings.some(isNews)) elsewhere = {};
  tools = JSON.stringify(readings);
  readings.unshift(...read(SIGNALS));
  levels = {};
  for (const one of readings) {
    for (const key in one.levels) levels[key] = Math.max(one.levels[key] as number, levels[key] || 0);
  }
  // The first in order, advertising if there is a word on it.
  const key = Object.keys(levels).find((key) => levels[key]);
  const decider = readings.find((one) => key && one.levels[key] === levels[key]);
  const now = JSON.stringify([levels, decider]);
  if (merged === now) return false;
  merged = now;
  statement = decider && describe(decider);
  return true;
}
