import { standingOn } from "../consent/lanes.ts";
import type { TandemEvent } from "../events/event.ts";
import { settings, type PixelSettings } from "../settings.ts";
import { guard } from "../util/guard.ts";
import { tiktok } from "./tiktok.ts";

/** A new platform is a file beside this one and a line here. */
const PLATFORMS: Record<string, MakePixel | undefined> = {
  tiktok,
};

/** Makes what stands between us and a platform's own script. `say` is to be told when that is in, or kept out. */
export type MakePixel = (settings: PixelSettings, say: (state: PixelState) => void) => Pixel;

export type PixelState = "loading" | "loaded" | "blocked";

/** While its destination is allowed, it gets every event under the name and id that the gateway gets. */
export interface Pixel {
  track(event: TandemEvent): void;
  /** How the destination stands. The platform's script is not loaded before it is allowed for the first time. */
  settle(standing: number): void;
}

const MAX_WAITING = 50;

/** By platform. */
export const pixelStates: Record<string, PixelState> = {};

/** What waits is for a destination that may be allowed later than others. */
let pixels: [platform: string, pixel: Pixel, waiting: TandemEvent[]][] | undefined;

/**
 * Tells each pixel how its destination stands, and what has happened. What waits goes when it is allowed. None can
 * disturb another.
 */
export function tellPixels(event?: TandemEvent): void {
  pixels ||=
    settings.pixels.flatMap((one) => {
      const make = PLATFORMS[one.platform];
      return make ? [[one.platform, make(one, (state) => void (pixelStates[one.platform] = state)), []]] : [];
    });
  pixels.forEach(
    guard(([platform, pixel, waiting]) => {
      const standing = standingOn(platform);
      if (event && waiting.length < MAX_WAITING) waiting.push(event);
      pixel.settle(standing);
      if (standing) for (const one of waiting.splice(0)) if (standing > 0) pixel.track(one);
    }),
  );
}
