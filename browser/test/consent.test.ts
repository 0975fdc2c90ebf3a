import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, PIXEL_SCRIPT, type Options } from "./support/page.ts";
import { FakeStorage } from "./support/storage.ts";

const PIXELS = [{ platform: "tiktok", id: "C4ABC", script: PIXEL_SCRIPT }];
const GRANTED = { advertising: "granted", evidence: "tandem('consent')" };
const DENIED = { advertising: "denied", evidence: "tandem('consent')" };
const COOKIE = "tdv=mg3k2v1x9abcdefghij0123456789";

const open = (consent: "wait" | "assume", options: Options = {}) =>
  Page.open({ ...options, settings: { consent, pixels: PIXELS, ...options.settings } });

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
  assert.deepEqual(post?.consent, GRANTED);
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
      (window.tandem = {
        q: [
          ["track", "Lead"],
          ["consent", "denied"],
        ],
      }),
  });
  assert.deepEqual(traces(page).slice(0, 3), [0, 0, 0]);
});

test("withdrawal: stops, forgets, tells the pixel and the gateway once", async () => {
  const page = await open("assume", { cookie: COOKIE });
  page.answer = () => new Error("no network");
  await page.tandem("identify", { email: "ada@example.com" });
  await page.tandem("track", "Purchase", { order_id: 1 });
  assert(page.local.json("tdq") && page.local.json("tdo") && page.session.json("tdu"));
  const before = page.posts().length;
  await page.tandem("consent", { advertising: "denied" });
  await page.tandem("track", "Lead");
  await page.tandem("identify", { email: "ada@example.com" });
  await page.go("pushState", "/next");
  await page.leave();
  await page.fire("window", "online");
  await page.wait(100_000);
  const [post, ...more] = page.posts().slice(before);
  assert.deepEqual(more, []);
  assert.deepEqual(page.beacons, []);
  assert.deepEqual(post?.consent, DENIED);
  assert.deepEqual(post?.events, []);
  assert.equal(post?.visitor, COOKIE.slice(4));
  for (const field of ["user", "cookies", "pixels"]) assert.equal(field in post!, false);
  assert.equal(page.local.values.size + page.session.values.size, 0);
  assert.deepEqual(page.ttq().at(-1), ["revokeConsent"]);
});

test("withdrawal before anything was done on this page: known by the cookie", async () => {
  const page = await open("wait", { cookie: COOKIE });
  await page.tandem("consent", "denied");
  assert.equal(page.posts().length, 1);
  assert.deepEqual(page.posts()[0]?.consent, DENIED);
  assert.deepEqual(page.posts()[0]?.events, []);
  assert.equal(page.tags.length, 0);
});

test("an answer that comes after the withdrawal stores nothing", async () => {
  const page = new Page();
  const confirm: ((answer: any) => void)[] = [];
  page.answer = () => new Promise((resolve) => confirm.push(resolve));
  await page.runScript();
  page.window.tandem("identify", { email: "ada@example.com" });
  await page.tandem("consent", "denied");
  for (const one of confirm) one({ status: 200, body: { visitor: "x".repeat(29) } });
  await page.settle();
  assert.equal(page.local.values.size + page.session.values.size, 0);
  assert.equal(page.posts().length, 2);
});

test("a hash that is being made while consent is withdrawn is not taken", async () => {
  const page = await open("assume");
  page.window.tandem("identify", { email: "ada@example.com" });
  page.window.tandem("consent", "denied");
  await page.settle();
  await page.tandem("consent", "granted");
  assert.deepEqual(page.posts().at(-1)?.user, {});
  assert.equal(page.session.json("tdu"), undefined);
});

test("granted again after a withdrawal", async () => {
  const page = await open("assume");
  await page.tandem("consent", "denied");
  await page.tandem("consent", "granted");
  await page.tandem("track", "Lead");
  assert.deepEqual(
    page.posts().map((post) => [post.consent?.advertising, post.events.length]),
    [
      [undefined, 1],
      ["denied", 0],
      ["granted", 0],
      ["granted", 1],
    ],
  );
  assert.equal(page.tags.length, 1);
  assert.deepEqual(
    page.ttq().map(([name]) => name),
    ["identify", "track", "revokeConsent", "grantConsent", "identify", "track"],
  );
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
