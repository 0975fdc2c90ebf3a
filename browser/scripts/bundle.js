import { build } from "esbuild";
import { minify } from "terser";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const OUTPUT = ROOT + "dist/tandem.js";

/** The gateway puts the site's settings in place of this literal. */
const SLOT_NAME = "__TANDEM_SETTINGS__";
const SLOT = `"${SLOT_NAME}"`;

/** The script as it is served. Throws if the gateway could not put settings into it. */
export async function bundle() {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["src/main.ts"],
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2020",
    charset: "utf8",
    legalComments: "none",
    write: false,
  });
  // Half a kilobyte less with gzip than with esbuild's own minifier. The slot is a name meanwhile: of a text's value it
  // would make something of its own.
  const whole = outputFiles[0].text.replace(SLOT, SLOT_NAME);
  // Names that stay among ourselves.
  const mangle = { properties: { regex: /^(isTaken|isRefused|dialects?|levels|settle|params)$/ } };
  const compress = { passes: 5, keep_fargs: false, unsafe_arrows: true, pure_getters: true };
  const options = { mangle, ecma: 2020, toplevel: true, compress };
  const { code } = await minify(whole, options);
  // Nothing here needs to be told.
  const text = code.replace(/^"use strict";/, "").replace(SLOT_NAME, SLOT);
  const slots = text.split(SLOT).length - 1;
  const mentions = text.split(SLOT_NAME).length - 1;
  if (slots !== 1 || mentions !== 1) throw new Error(`${SLOT} must stand once in the script, found ${mentions}`);
  return text;
}
