import { PERSONAL, isPersonalName } from "./text.ts";

/** The gateway keeps no longer ones. */
const MAX_LENGTH = 2000;

/**
 * An address without fragment and without parameters that name a person or open something. Addresses are stored
 * until they are sent, and nothing personal may be.
 */
export function cleanAddress(address: string): string {
  const [, path = "", query = ""] = /^([^?#]*)\??([^#]*)/.exec(address) || [];
  const kept = query
    .split("&")
    .filter((pair) => !isPersonal(pair))
    .join("&");
  const bare = PERSONAL.test(path) ? path.replace(/^(\w+:\/\/[^/]*\/).*/, "$1") : path;
  return (kept ? bare + "?" + kept : bare).slice(0, MAX_LENGTH);
}

function isPersonal(pair: string): boolean {
  return isPersonalName(pair.replace(/=.*/, "")) || PERSONAL.test(pair) || /=(\+|%2b)\d/i.test(pair);
}
