/** The script as it is served, or one of its modules, to be run in a context of its own. */

import { build } from "esbuild";
import { createContext, runInContext } from "node:vm";
import { bundle, ROOT } from "../../scripts/bundle.js";

let served: Promise<string> | undefined;

/** The built script, with the slot for the settings still in it. */
export function script(): Promise<string> {
  return (served = served || bundle());
}

/** A fresh copy of a module, with nothing but the given globals around it. */
export async function load<Module>(path: string, globals: object = {}): Promise<Module> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["src/" + path],
    bundle: true,
    format: "iife",
    globalName: "module",
    target: "es2019",
    write: false,
  });
  const context = createContext({ ...globals });
  runInContext((outputFiles[0] as { text: string }).text, context);
  return runInContext("module", context) as Module;
}
