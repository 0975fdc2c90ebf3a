import { endpoint } from "../settings.ts";
import { nothing } from "../util/guard.ts";

/** Taken, or refused for good. Time-outs and floods pass, and so does trouble of the server's own. */
const FINAL_STATUS = /^(2|4(?!08|29))/;

/**
 * Posts a body, as plain text, so that no browser asks the gateway for permission first. The result says whether the
 * matter is settled: the gateway has it, or will never take it. `learn` gets the visitor's id from the answer.
 */
export async function post(body: string, learn: (visitor: unknown) => void): Promise<boolean> {
  try {
    const answer = await fetch(endpoint, { method: "POST", body, keepalive: true, credentials: "include" });
    answer
      .json()
      .then(({ visitor }) => learn(visitor))
      .catch(nothing);
    return FINAL_STATUS.test(answer.status as unknown as string);
  } catch {
    return false;
  }
}

/** Hands a body to the browser, which sends it after the page is gone. No answer comes. */
export function handOver(body: string): boolean {
  return navigator.sendBeacon(endpoint, new Blob([body], { type: "text/plain;charset=UTF-8" }));
}
