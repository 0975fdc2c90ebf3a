import { endpoint } from "./settings.ts";

/**
 * Whether no content blocker is at work: it would stop a request for an address that filter lists name. A visitor who
 * runs one has said no, and a site may respect that.
 */
export function isUnblocked(): Promise<boolean> {
  const bait = new URL("pixel.gif?ad=1", endpoint).href;
  return fetch(bait, { mode: "no-cors", credentials: "omit" }).then(
    () => true,
    () => false,
  );
}
