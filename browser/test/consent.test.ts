import assert from "node:assert/strict";
import { test } from "node:test";
import { lanes, NOW, Page, PIXEL_SCRIPT, type Options } from "./support/page.ts";
import { FakeStorage } from "./support/storage.ts";

const PIXELS = [{ platform: "tiktok", id: "C4ABC", script: PIXEL_SCRIPT }];
const word = "granted";
const GRANTED = {
  advertising: word,
  analytics: word,
  functional: word,
  vendors: {},
  signal: "page",
  value: "advertising:granted,analytics:granted,functional:granted",
  by_default: [],
  at: NOW,
};

const open = (consent: "wait" | "assume", options: Options = {}) =>
  Page.open({ ...options, settings: { lanes: lanes(consent), pixels: PIXELS, ...options.settings } });

/** Everything outside the page's memory that the script has touched. */
function traces(page: Page): unknown[] {
  return [
    page.requests.length,
    page.beacons.length,
    page.tags.length,
    page.local.accesses,
    page.session.accesses,
    page.window.ttq,
  ];
}

test("wait: nothing is stored, read, sent or loaded before a grant", async () => {
  const page = await open("wait", { settings: { forms: true, respect_blockers: true } });
  await page.push({ event: "add_to_cart" });
  await page.tandem("identify", { email: "ada@example.com" });
  await page.tandem("track", "Lead");
  await page.go("pushState", "/next");
  await page.leave();
  await page.wait(100_000);
  assert.deepEqual(traces(page), [0, 0, 0, 0, 0, undefined]);
});

test("wait: a grant releases what was held, in order, with its times", async () => {
  const page = await open("wait");
  await page.push({ event: "add_to_cart" });
  page.now += 3_000;
  await page.tandem("consent", "granted");
  const [post] = page.posts();
  assert.deepEqual(post?.consent, { ...GRANTED, at: NOW + 3_000 });
  assert.deepEqual(page.names(), ["Pageview", "AddToCart"]);
  assert.deepEqual(
    page.events().map((event) => (post?.sent_at ?? 0) - event.at),
    [3_000, 3_000],
  );
  assert.equal(page.tags.length, 1);
});

test("wait: fifty events are held at most", async () => {
  const page = await open("wait");
  for (let i = 0; i < 60; i++) page.window.tandem("track", "E" + i);
  await page.tandem("consent", "granted");
  assert.equal(page.names().length, 50);
  assert.equal(page.names()[0], "E10");
});

test("wait: a denial drops what was held, and later events", async () => {
  const page = await open("wait");
  await page.push({ event: "add_to_cart" });
  await page.tandem("consent", "denied");
  await page.push({ event: "add_to_cart" });
  await page.leave();
  assert.deepEqual(traces(page).slice(0, 3), [0, 0, 0]);
  assert.equal(page.local.values.size + page.session.values.size, 0);
  await page.tandem("consent", "granted");
  assert.deepEqual(page.events(), []);
  await page.push({ event: "search" });
  assert.deepEqual(page.names(), ["Search"]);
});

test("assume: as if granted, and it says nothing about consent", async () => {
  const page = await open("assume");
  assert.deepEqual(page.names(), ["Pageview"]);
  assert.equal("consent" in page.posts()[0]!, false);
  await page.tandem("consent", "granted");
  assert.deepEqual(page.posts()[1]?.consent, GRANTED);
  assert.deepEqual(page.posts()[1]?.events, []);
  await page.tandem("consent", "granted");
  assert.equal(page.posts().length, 2);
});

test("assume: a denial that waits in the stub comes before everything", async () => {
  const page = await open("assume", {
    before: (window) =>
      (window.tandem = Object.assign(() => {}, {
        q: [
          ["track", "Lead"],
          ["consent", "denied"],
        ],
      })),
  });
  assert.deepEqual(traces(page).slice(0, 3), [0, 0, 0]);
});

test("what is no consent says nothing", async () => {
  const page = await open("wait");
  for (const word of [
    undefined,
    null,
    true,
    "yes",
    "GRANTED",
    1,
    {},
    [],
    { advertising: true },
    { analytics: "granted" },
  ]) {
    await page.tandem("consent", word);
  }
  assert.deepEqual(traces(page), [0, 0, 0, 0, 0, undefined]);
});

test("an unknown mode waits", async () => {
  const page = await open("perhaps" as "wait");
  assert.deepEqual(traces(page), [0, 0, 0, 0, 0, undefined]);
});

test("leftovers of earlier pages wait for consent, too, and go when it is denied", async () => {
  const local = new FakeStorage();
  const earlier = new Page({ local });
  earlier.answer = () => new Error("no network");
  await earlier.runScript();
  const page = await open("wait", { local });
  assert.equal(page.requests.length, 0);
  await page.tandem("consent", "denied");
  assert.equal(local.values.size, 0);
});
