/** What is known of a purpose or a vendor, as a number, so that the stronger word is the larger one. */

/** Nothing was said. */
export const UNKNOWN = 0;
/** No choice of the visitor's is behind the next two. */
export const GRANTED_BY_DEFAULT = 1;
export const DENIED_BY_DEFAULT = 2;
export const GRANTED = 3;
/** One no outweighs any number of yeses. */
export const DENIED = 4;

/** By purpose, and by platform after an `@`. */
export type Levels = Record<string, number>;

/** A yes or no in any tool's words; anything else says nothing. */
export function levelOf(word: unknown): number {
  return /^(true|allow|yes|1|granted)$/.test(word as string)
    ? GRANTED
    : /^(false|deny|no|0|denied)$/.test(word as string)
      ? DENIED
      : UNKNOWN;
}

export function nameOf(level?: number): "granted" | "denied" | undefined {
  return level ? (level % 2 ? "granted" : "denied") : undefined;
}
