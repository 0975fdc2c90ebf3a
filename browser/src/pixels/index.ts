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

/** By platform. */
export const pixelStates: Record<string, PixelState> = {};

let pixels: [platform: string, pixel: Pixel][] | undefined;

/** Does something with every pixel; none can disturb another. */
function each(work: (pixel: Pixel, standing: number) => void): void {
  pixels =
    pixels ||
    settings.pixels.flatMap((one) => {
      const make = PLATFORMS[one.platform];
      return make ? [[one.platform, make(one, (state) => void (pixelStates[one.platform] = state))]] : [];
    });
  pixels.forEach(([platform, pixel]) => guard(work)(pixel, standingOn(platform)));
}

/** Tells each how its destination stands. */
export function settlePixels(): void {
  each((pixel, standing) => pixel.settle(standing));
}

export function tellPixels(event: TandemEvent): void {
  each((pixel, standing) => standing > 0 && pixel.track(event));
}
