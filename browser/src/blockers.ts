import { request } from "./sending/request.ts";
import { endpoint, source } from "./settings.ts";
import { guard } from "./util/guard.ts";

/** Whether content blockers let us through; nothing while that is not known. */
export let isClear: boolean | undefined;
let question: Promise<void> | undefined;

export function askBlockers(answered: () => void): void {
  const take = guard((clear: boolean | undefined) => {
    question = undefined;
    isClear = clear;
    answered();
  });
  question = question || isUnblocked().then(take);
}

/**
 * Whether no content blocker is at work: it would stop a request for an address that filter lists name. A visitor who
 * runs one has said no, and a site may respect that. Nothing when our own address cannot be reached either.
 */
async function isUnblocked(): Promise<boolean | undefined> {
  if (await isReached(new URL("pixel.gif?ad=1", endpoint).href, {})) return true;
  return (await isReached(source, { method: "HEAD", cache: "no-store" })) ? false : undefined;
}

function isReached(url: string, init: RequestInit): Promise<boolean> {
  return request(url, { mode: "no-cors", credentials: "omit", ...init }).then(
    () => true,
    () => false,
  );
}
