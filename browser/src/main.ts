import { install, isInstalled } from "./api.ts";
import { begin } from "./app.ts";
import { takeSettings } from "./settings.ts";
import { guard } from "./util/guard.ts";

/** Runs while our own tag is the current one: afterwards nobody could tell where we came from. */
function main(): void {
  const tag = document.currentScript as HTMLScriptElement | null;
  // The gateway replaces the text, quotes included, by an object. There must be no second one in the built file.
  if (!tag || !tag.src || isInstalled() || !takeSettings("__TANDEM_SETTINGS__", tag)) return;
  const drain = install();
  const start = guard(() => begin(drain));
  // A page that is rendered ahead may never be seen.
  if ((document as Document & { prerendering?: boolean }).prerendering) {
    document.addEventListener("prerenderingchange", start, { once: true });
  }
  // In a task of its own: reading a script and starting it are too much for one on a slow phone.
  else setTimeout(start);
}

guard(main)();
