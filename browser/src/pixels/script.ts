import { nonce } from "../settings.ts";
import { guard } from "../util/guard.ts";
import type { PixelState } from "./index.ts";

/** A page whose load event does not come, for the sake of something slow, gets its pixels all the same. */
const PATIENCE_MS = 3000;

/**
 * Adds a script when the page has loaded, since one that is added earlier holds up the load event, and says when it is
 * in, or that something keeps it out. It is not added unless it is wanted at that moment. The returned function tries
 * again.
 */
export function addScript(src: string, say: (state: PixelState) => void, isWanted: () => boolean): () => void {
  const tag = document.createElement("script");
  if (nonce) tag.nonce = nonce;
  tag.onload = guard(() => say("loaded"));
  tag.onerror = guard(() => say("blocked"));
  tag.src = src;
  const add = guard((): void => {
    if (!tag.isConnected && isWanted()) document.head.appendChild(tag);
  });
  if (document.readyState === "complete") add();
  else {
    addEventListener("load", add);
    setTimeout(add, PATIENCE_MS);
  }
  return add;
}
