import { guard } from "../util/guard.ts";

const PATIENCE_MS = 15_000;

/** A request that fails when it takes too long, its answer's body included. */
export async function request(url: string, init: RequestInit): Promise<Response> {
  const stop = guard(() => new AbortController())();
  if (stop) setTimeout(() => stop.abort(), PATIENCE_MS);
  return fetch(url, { ...init, referrerPolicy: "origin", ...(stop && { signal: stop.signal }) });
}
