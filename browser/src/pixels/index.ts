import type { TandemEvent } from "../events/event.ts";
import { settings, type PixelSettings } from "../settings.ts";
import { guard } from "../util/guard.ts";
import { tiktok } from "./tiktok.ts";

/** A new platform is a file beside this one and a line here. */
const PLATFORMS: Record<string, StartPixel | undefined> = {
  tiktok,
};

/** Starts a platform's own script in the page. `say` is to be told when it is in, or that something keeps it out. */
export type StartPixel = (settings: PixelSettings, say: (state: PixelState) => void) => Pixel;

export type PixelState = "loading" | "loaded" | "blocked";

/** It gets every event under the name and id that the gateway gets. */
export interface Pixel {
  track(event: TandemEvent): void;
  /** Consent was given again after it was withdrawn, or is withdrawn. */
  consent(isGranted: boolean): void;
}

/** By platform. */
export const pixelStates: Record<string, PixelState> = {};

const running: (Pixel | undefined)[] = [];

export function startPixels(): void {
  for (const one of settings.pixels) {
    const say = (state: PixelState) => void (pixelStates[one.platform] = state);
    const start = PLATFORMS[one.platform];
    if (!start) continue;
    say("loading");
    running.push(guard(start)(one, say));
  }
}

/** Does something with every pixel; none can disturb another. */
export function eachPixel(work: (pixel: Pixel) => void): void {
  running.forEach((pixel) => guard(work)(pixel as Pixel));
}
