// Runs the tests: `npm test`, or `npm test -- queue` for the files whose name has that in it.
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { build } from "esbuild";
import { ROOT } from "./bundle.js";

const wanted = process.argv[2] || "";
const names = readdirSync(ROOT + "test").filter((name) => name.endsWith(".test.ts") && name.includes(wanted));
const output = ROOT + ".test/";

rmSync(output, { recursive: true, force: true });
await build({
  absWorkingDir: ROOT,
  entryPoints: names.map((name) => "test/" + name),
  outdir: output,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  sourcemap: "inline",
  external: ["esbuild"],
  logLevel: "warning",
});
const files = names.map((name) => output + name.replace(/ts$/, "js"));
const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files], { stdio: "inherit" });
process.exit(status ?? 1);
