import { endpoint } from "../settings.ts";
import { nothing } from "../util/guard.ts";
import { bytes } from "../util/text.ts";
import { object } from "../util/values.ts";
import { request } from "./request.ts";

/** Of refusals. Time-outs and floods pass, and so does trouble of the server's own. */
const FINAL_STATUS = /^4(?!08|29)/;

/** Browsers let so much outlive a page, and of what is larger they would send nothing at all. */
const MAX_KEPT_BYTES = 60_000;

/** The gateway and what is before it take no more. */
const MAX_BYTES = 65_000;

/** Neither taken nor refused: to be sent again. */
interface Answer {
  isTaken?: boolean;
  /** For good, and by the gateway itself, not by something before it. */
  isRefused?: boolean;
  /** The id that the gateway knows this visitor by. */
  visitor?: unknown;
}

/** Posts a body, as plain text, so that no browser asks the gateway for permission first. */
export async function post(body: string, credentials: RequestCredentials): Promise<Answer> {
  try {
    const size = bytes(body);
    if (size > MAX_BYTES) return { isRefused: true };
    const keepalive = size < MAX_KEPT_BYTES;
    const answer = await request(endpoint, { method: "POST", body, keepalive, credentials });
    const { visitor, error } = object(await answer.json().catch(nothing)) || {};
    const isFinal = FINAL_STATUS.test(answer.status as unknown as string);
    return { visitor, isTaken: answer.ok, isRefused: isFinal && !!object(error)?.code };
  } catch {
    return {};
  }
}

/** Hands a body to the browser, which sends it after the page is gone. No answer comes. */
export function handOver(body: string): boolean {
  return navigator.sendBeacon(endpoint, new Blob([body], { type: "text/plain;charset=UTF-8" }));
}
