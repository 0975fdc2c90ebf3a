/** What the visitor has said about advertising. */

import { settings } from "./settings.ts";
import { object } from "./util/values.ts";

export interface Statement {
  advertising: "granted" | "denied";
  /** How it is known. */
  evidence: string;
}

/** What was said last; nothing when nothing was said. */
export let statement: Statement | undefined;

/**
 * Takes `granted`, `denied`, or an object with one of them under `advertising`; anything else says nothing. The answer
 * is whether that changed anything.
 */
export function sayConsent(word: unknown, evidence: string): boolean {
  const { advertising } = object(word) || { advertising: word };
  if (advertising !== "granted" && advertising !== "denied") return false;
  if (statement && statement.advertising === advertising) return false;
  statement = { advertising, evidence };
  return true;
}

/** Until something is said, the site's mode decides. */
export function isAllowed(): boolean {
  return statement ? !isDenied() : settings.consent === "assume";
}

export function privacyControl(): boolean | undefined {
  return (navigator as Navigator & { globalPrivacyControl?: boolean }).globalPrivacyControl;
}

export function isDenied(): boolean | undefined {
  return statement && statement.advertising === "denied";
}
