import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { bundle, OUTPUT, ROOT } from "../scripts/bundle.js";

test("dist/tandem.js is what the sources make, byte for byte", async () => {
  const first = await bundle();
  assert.equal(first, await bundle());
  assert(first === readFileSync(OUTPUT, "utf8"), "run `npm run build` and commit dist/tandem.js");
});

test("small enough", async () => {
  assert(gzipSync(readFileSync(OUTPUT), { level: 9 }).length <= 10 * 1024);
});

test("no file is long", () => {
  for (const name of readdirSync(ROOT + "src", { recursive: true }).filter((name) => name.endsWith(".ts"))) {
    const lines = readFileSync(ROOT + "src/" + name, "utf8").split("\n");
    assert(lines.length < 200, name);
    for (const line of lines) assert(line.length <= 120, `${name}: ${line}`);
  }
});
