import { settings } from "../settings.ts";
import type { Params } from "../util/values.ts";
import { levelOf, type Levels } from "./purposes.ts";

/**
 * What one tool says: yes or no, in its own words, by ids of its categories and vendors. A `method` that is not
 * `explicit` tells that no choice of the visitor's is behind it. What stands under `*` is meant for all other purposes.
 */
export type Answers = Params;
export const REST = "*";

/** A signal and how it is read. A reader that throws says nothing. */
export type Row = [signal: string, read: () => Answers | false | undefined | ""];

/** One signal, in our words. */
export interface Reading {
  signal: string;
  levels: Levels;
  /** The part of what was read that says yes or no. */
  value: string;
}

const MAX_VALUE = 120;

/** Two categories of one purpose that disagree are a no; so are two names of one vendor. */
export function makeReading(signal: string, answers: Answers): Reading {
  const told: string[] = [];
  const levels: Levels = {};
  const isChoice = !answers.method || answers.method === "explicit";
  const add = (key: string, isMeant: (id: string) => unknown) => {
    levels[key] = levels[key] || 0;
    for (const id of Object.keys(answers).filter(isMeant)) {
      const level = levelOf(answers[id]);
      if (!level) continue;
      told.push(id + ":" + answers[id]);
      levels[key] = Math.max(levels[key] as number, isChoice ? level : level - 2);
    }
  };
  for (const purpose in settings.categories) {
    add(purpose, (id) => settings.categories[purpose]!.includes(id));
    if (!levels[purpose]) add(purpose, (id) => id === REST);
  }
  for (const { platform, vendors = [] } of settings.lanes) {
    add("@" + platform, (id) => id === platform || vendors.some((name) => name && words(id).includes(words(name))));
  }
  return { signal, levels, value: told.join().slice(0, MAX_VALUE) };
}

/** `tiktok` stands in `tiktok-pixel`, `c:tiktok-KZAU` and `TikTok Pixel`. */
function words(text: string): string {
  return `-${text}-`.toLowerCase().replace(/[^a-z\d]+/g, "-");
}
