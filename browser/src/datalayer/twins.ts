import { products, readLines } from "../events/contents.ts";
import type { Params } from "../util/values.ts";

const WITHIN_MS = 1000;

let seen: { action: string; at: number; dialects: string[] }[] = [];

/**
 * Whether this is an action that was just reported in another dialect, or to another target. In the same one twice it
 * is two actions.
 */
export function isTwin(name: string, params: Params, dialect: string): boolean {
  const now = Date.now();
  const action = name + JSON.stringify(readLines(products(params)).map((line) => line.content_id));
  seen = seen.filter(({ at }) => now - at < WITHIN_MS);
  const first = seen.find((one) => one.action === action && !one.dialects.includes(dialect));
  if (first) first.dialects.push(dialect);
  else seen.push({ action, at: now, dialects: [dialect] });
  return !!first;
}
