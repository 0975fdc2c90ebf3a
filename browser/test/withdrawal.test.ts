import assert from "node:assert/strict";
import { test } from "node:test";
import { lanes, NOW, Page, PIXEL_SCRIPT, type Options } from "./support/page.ts";
import { FakeStorage } from "./support/storage.ts";

const PIXELS = [{ platform: "tiktok", id: "C4ABC", script: PIXEL_SCRIPT }];
const word = "denied";
const DENIED = {
  advertising: word,
  analytics: word,
  functional: word,
  vendors: {},
  signal: "page",
  value: "advertising:denied,analytics:denied,functional:denied",
  by_default: [],
  at: NOW,
};
const COOKIE = "tdv=mg3k2v1x9abcdefghij0123456789";

const open = (consent: "wait" | "assume", options: Options = {}) =>
  Page.open({ ...options, settings: { lanes: lanes(consent), pixels: PIXELS, ...options.settings } });

test("withdrawal: stops, forgets, tells the pixel and the gateway once", async () => {
  const page = await open("assume", { cookie: COOKIE });
  page.answer = () => new Error("no network");
  await page.tandem("identify", { email: "ada@example.com" });
  await page.tandem("track", "Purchase", { order_id: 1 });
  assert(page.local.json("tdq") && page.local.json("tdo") && page.session.json("tdu"));
  page.answer = () => ({ status: 200, body: {} });
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
  const { analytics, functional, ...advertising } = DENIED;
  assert.deepEqual([post?.consent, analytics, functional], [{ ...advertising, value: "advertising:denied" }, word, word]);
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
    ["revokeConsent", "grantConsent", "identify", "track"],
  );
});

test("a withdrawal is sent again until the gateway has it, with the visitor it was about", async () => {
  const page = await open("assume");
  const { visitor } = page.posts()[0]!;
  page.answer = () => new Error("no network");
  await page.tandem("consent", "denied");
  await page.wait(2_000);
  await page.fire("window", "online");
  page.answer = () => ({ status: 200, body: { visitor } });
  await page.wait(60_000);
  await page.wait(60_000);
  const [, ...withdrawals] = page.posts();
  assert.equal(withdrawals.length, 4);
  for (const post of withdrawals) assert.deepEqual([post.visitor, post.consent, post.events], [visitor, DENIED, []]);
  assert.equal(page.local.values.size, 0);
});

test("a withdrawal that is not confirmed leaves by beacon, once, also where nothing was opened", async () => {
  for (const consent of ["assume", "wait"] as const) {
    const page = await open(consent, { cookie: COOKIE });
    page.answer = () => new Error("no network");
    await page.tandem("consent", "denied");
    await page.leave();
    await page.leave();
    const bodies = await page.beaconBodies();
    assert.deepEqual(
      bodies.map((body) => [body.visitor, body.consent, body.events]),
      [[COOKIE.slice(4), DENIED, []]],
    );
  }
});

test("a grant after a withdrawal that is not confirmed: both are told", async () => {
  const page = await open("assume", { cookie: COOKIE });
  page.answer = () => new Error("no network");
  await page.tandem("consent", "denied");
  await page.tandem("consent", "granted");
  page.answer = () => ({ status: 200, body: {} });
  await page.wait(2_000);
  assert.deepEqual(
    page.posts().map((post) => post.consent?.advertising),
    [undefined, "denied", "denied", "granted"],
  );
});

test("a stored candidate withdraws, too", async () => {
  const local = new FakeStorage();
  const { visitor } = (await open("assume", { local })).posts()[0]!;
  const page = await open("wait", { local });
  await page.tandem("consent", "denied");
  assert.deepEqual([page.posts().length, page.posts()[0]?.visitor], [1, visitor]);
});

test("a withdrawal is made known to other tabs, and leaves nothing in the storage", async () => {
  const page = await open("assume");
  const written: string[] = [];
  const setItem = page.local.setItem;
  page.local.setItem = function (key, value) {
    written.push(key);
    setItem.call(this, key, value);
  };
  await page.tandem("consent", "denied");
  assert.deepEqual(written, ["tdx"]);
  assert.equal(page.local.values.size, 0);
});

test("a withdrawal in another tab stops this one; the gateway is not told again", async () => {
  const page = await open("assume", { cookie: COOKIE });
  await page.tandem("identify", { email: "ada@example.com" });
  const before = page.posts().length;
  await page.fire("window", "storage", { key: "tdx", newValue: null });
  await page.fire("window", "storage", { key: "other", newValue: '["advertising"]' });
  await page.tandem("track", "Lead");
  assert.equal(page.posts().length, before + 1);
  await page.fire("window", "storage", { key: "tdx", newValue: '["advertising"]' });
  await page.tandem("track", "Search");
  await page.leave();
  assert.equal(page.posts().length, before + 1);
  assert.equal(page.beacons.length + page.local.values.size + page.session.values.size, 0);
  assert.deepEqual(page.ttq().at(-1), ["revokeConsent"]);
});

test("back from the browser's cache after a withdrawal elsewhere", async () => {
  const page = await open("assume", { cookie: COOKIE });
  await page.leave();
  await page.fire("window", "pageshow", { persisted: true });
  await page.tandem("track", "Lead");
  await page.leave();
  page.document.cookie = "";
  await page.fire("window", "pageshow", { persisted: true });
  await page.tandem("track", "Search");
  assert.deepEqual(page.names(), ["Pageview", "Lead"]);
});
