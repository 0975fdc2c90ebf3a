import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, PIXEL_SCRIPT, type Options } from "./support/page.ts";

const PIXEL = { platform: "tiktok", id: "C4ABC", script: PIXEL_SCRIPT };

const open = ({ settings, ...options }: Options = {}) =>
  Page.open({ ...options, settings: { pixels: [PIXEL], ...settings } });

test("a denial before the script was added: it never is, until consent is given", async () => {
  const page = await open({ isLoading: true });
  await page.tandem("consent", "denied");
  await page.fire("window", "load");
  await page.wait(10_000);
  assert.equal(page.tags.length, 0);
  await page.tandem("consent", "granted");
  assert.equal(page.tags.length, 1);
});

test("a denial before the script has loaded: our calls are dropped, the page's own stay", async () => {
  const page = await open({ settings: { pixels: [PIXEL, { ...PIXEL, id: "C5DEF" }] } });
  page.window.ttq.track("TheirOwn", {});
  page.window.ttq._i.C4ABC.push(["track", "TheirOwn", {}]);
  await page.tandem("consent", "denied");
  assert.deepEqual(page.ttq(), [["track", "TheirOwn", {}]]);
  assert.deepEqual(
    Array.from(page.window.ttq._i.C4ABC, (call: any) => call[0]),
    ["track", "revokeConsent"],
  );
  assert.deepEqual(Array.from(page.window.ttq._i.C5DEF, (call: any) => call[0]), ["revokeConsent"]);
});

test("limited data use where the browser asks for privacy", async () => {
  const page = await open({ navigator: { globalPrivacyControl: true } });
  assert.equal(JSON.stringify(page.window.ttq._o.C4ABC), '{"limited_data_use":true}');
});

test("a search for a phone number is not told", async () => {
  const page = await open();
  await page.tandem("track", "Search", { search_term: "0151 23456789", description: "call +49 151 23456789" });
  assert.deepEqual(page.ttq().at(-1)?.[2], {});
});
