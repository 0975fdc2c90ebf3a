import { build } from "esbuild";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const OUTPUT = ROOT + "dist/tandem.js";

/** The gateway puts the site's settings in place of this literal. */
const SLOT = '"__TANDEM_SETTINGS__"';

/** The script as it is served. Throws if the gateway could not put settings into it. */
export async function bundle() {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["src/main.ts"],
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2019",
    charset: "utf8",
    legalComments: "none",
    write: false,
  });
  const [{ text }] = outputFiles;
  const slots = text.split(SLOT).length - 1;
  const mentions = text.split("__TANDEM_SETTINGS__").length - 1;
  if (slots !== 1 || mentions !== 1) throw new Error(`${SLOT} must stand once in the script, found ${mentions}`);
  return text;
}
