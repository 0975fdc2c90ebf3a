import { EMAIL, isPersonal, isPersonalName } from "./text.ts";

/** The gateway keeps no longer ones. */
const MAX_LENGTH = 2000;

/**
 * An address without fragment and without parameters that name a person or open something. Addresses are stored
 * until they are sent, and nothing personal may be. What makes it too long is left out, whole parameters at a time.
 */
export function cleanAddress(address: string): string {
  const [, path = "", query = ""] = /^([^?#]*)\??([^#]*)/.exec(address) || [];
  const short = path.slice(0, MAX_LENGTH);
  let clean = EMAIL.test(short + " " + plain(short)) ? short.replace(/^(\w+:\/\/[^/]*\/).*/, "$1") : short;
  let mark = "?";
  for (const pair of query.split("&")) {
    if (!pair || clean.length + pair.length >= MAX_LENGTH || isPersonalPair(pair)) continue;
    clean += mark + pair;
    mark = "&";
  }
  return clean;
}

/** The value may be an address with parameters of its own. */
function isPersonalPair(pair: string): boolean {
  const whole = plain(pair);
  const names = whole.split(/[?&#]/).map((one) => one.replace(/=.*/, ""));
  const isNamed = names.some((name) => name.split("[").some(isPersonalName));
  return isNamed || EMAIL.test(pair) || isPersonal(whole) || /=\+\d/.test(whole);
}

/** ASCII, decoded twice: what is looked for consists of nothing else. A stray `%` costs nothing. */
export function plain(text: string): string {
  const once = (given: string) =>
    given.replace(/%([2-7][\da-f])/gi, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
  return once(once(text));
}
