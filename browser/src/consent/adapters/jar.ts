/** Reading the cookies that consent tools write, and the objects they put into the page. */

import { cookie } from "../../util/cookies.ts";
import { guard } from "../../util/guard.ts";
import type { Params } from "../../util/values.ts";

/** The page's globals, which may be anything. */
export const page = window as unknown as Record<string, any>;

/** Decoded twice at most: some tools encode what is encoded. */
export function decoded(name: string): string {
  const once = decodeURIComponent(cookie(name) || "");
  return guard(decodeURIComponent)(once) || once;
}

export function json(name: string): any {
  return JSON.parse(decoded(name));
}

/** Finds names and values in a text, whatever stands between them. */
function find(pattern: RegExp, text: string): Params {
  const found: Params = {};
  text.replace(pattern, (_, name, value) => (found[name] = value));
  return found;
}

/** `name:value` in a cookie. */
export function pairs(name: string): Params {
  return find(/([\w-]{1,99})[:=]'?([^,&':=]{0,99})(?=[,&'}]|$)/g, decoded(name));
}

/** Of tools that write one cookie for each category. */
export function categoryCookies(prefix: string): Params {
  return find(RegExp(`(?:^|; )${prefix}(\\w+)=(\\w+)`, "g"), document.cookie);
}
