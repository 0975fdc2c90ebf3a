/** Reading the cookies that consent tools write, and the objects they put into the page. */

import { plain } from "../../util/address.ts";
import { cookie } from "../../util/cookies.ts";
import type { Params } from "../../util/values.ts";

/** Some tools encode what is encoded. */
export function decoded(name: string): string {
  return plain(cookie(name) || "");
}

export function json(name: string): any {
  return JSON.parse(decoded(name));
}

/** Finds names and values in a text, whatever stands between them. The first of one name counts, as everywhere. */
function find(pattern: RegExp, text: string): Params {
  const found: Params = {};
  text.replace(pattern, (_, name, value) => (found[name] ??= value));
  return found;
}

/** `name:value` in a text. */
export function pairs(text: string): Params {
  return find(/([\w-]{1,99})[:=]'?([^,&':=]{0,99})(?=[,&'}]|$)/g, text);
}

/** Of tools that write one cookie for each category. */
export function categoryCookies(prefix: string): Params {
  return find(RegExp(`(?:^|; )${prefix}(\\w+)=(\\w+)`, "g"), document.cookie);
}
