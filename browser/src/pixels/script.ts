import { nonce } from "../settings.ts";
import { guard } from "../util/guard.ts";
import type { PixelState } from "./index.ts";

/** Adds a script, for which nothing in the page waits, and says when it is in, or that something keeps it out. */
export function addScript(src: string, say: (state: PixelState) => void): void {
  const tag = document.createElement("script");
  if (nonce) tag.nonce = nonce;
  tag.onload = guard(() => say("loaded"));
  tag.onerror = guard(() => say("blocked"));
  tag.src = src;
  document.head.appendChild(tag);
}
