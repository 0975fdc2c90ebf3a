import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, PIXEL_SCRIPT, sha256, type Options } from "./support/page.ts";

const PIXEL = { platform: "tiktok", id: "C4ABC", script: PIXEL_SCRIPT };
const VISITOR = "mg3k2v1x9abcdefghij0123456789";

const open = ({ settings, ...options }: Options = {}) =>
  Page.open({ cookie: "tdv=" + VISITOR, ...options, settings: { pixels: [PIXEL], ...settings } });

const calls = (page: Page, name: string) => page.ttq().filter((call) => call[0] === name);

test("the script is added, with the id and the nonce of our own tag", async () => {
  const page = await open({ tag: { nonce: "r4nd0m" } });
  assert.deepEqual(
    page.tags.map(({ name, src, nonce }) => [name, src, nonce]),
    [["script", PIXEL_SCRIPT + "?sdkid=C4ABC&lib=ttq", "r4nd0m"]],
  );
  assert.equal(page.window.TiktokAnalyticsObject, "ttq");
  assert.equal("nonce" in (await open()).tags[0], false);
});

test("the script is added when the page has loaded, and once", async () => {
  const page = await open({ isLoading: true });
  assert.equal(page.tags.length, 0);
  await page.fire("window", "load");
  assert.equal(page.tags.length, 1);
  await page.wait(10_000);
  assert.equal(page.tags.length, 1);
});

test("a page that never ends loading gets it after a while", async () => {
  const page = await open({ isLoading: true });
  await page.wait(2_999);
  assert.equal(page.tags.length, 0);
  await page.wait(1);
  assert.equal(page.tags.length, 1);
});

test("the queue is what TikTok's script expects", async () => {
  const ttq: any = (await open()).window.ttq;
  const methods =
    "page track identify instances debug on off once ready alias group enableCookie disableCookie " +
    "holdConsent revokeConsent grantConsent instance load";
  for (const method of methods.split(" ")) assert.equal(typeof ttq[method], "function", method);
  assert.deepEqual([ttq, ttq._i.C4ABC].map(Array.isArray), [true, true]);
  assert.equal(ttq._i.C4ABC._u, PIXEL_SCRIPT);
  assert.equal(typeof ttq._t.C4ABC, "number");
  assert.equal(JSON.stringify(ttq._o.C4ABC), "{}");
});

test("every event under the name and id that the gateway gets, page views too", async () => {
  const page = await open();
  await page.push({ event: "add_to_cart", ecommerce: { currency: "USD", items: [{ item_id: 1, price: 2 }] } });
  await page.tandem("track", "MyEvent");
  await page.tandem("track", "Purchase", { order_id: 7 }, { event_id: "own-7" });
  const ours = page.events().map((event) => [event.event_name, event.event_id]);
  assert.deepEqual(
    calls(page, "track").map(([, name, , { event_id }]) => [name, event_id]),
    ours,
  );
  assert.equal(ours.length, 4);
  assert.equal(calls(page, "page").length, 0);
});

test("parameters in the pixel's words", async () => {
  const page = await open();
  await page.tandem("track", "Purchase", {
    order_id: 891,
    value: 12.5,
    currency: "eur",
    items: [{ item_id: "a", item_name: "A", price: 12.5 }],
    search_term: "mug",
    description: "A mug",
    coupon: "X",
  });
  const [view, purchase] = calls(page, "track");
  assert.deepEqual(view?.[2], {});
  assert.deepEqual(purchase?.[2], {
    value: 12.5,
    currency: "EUR",
    content_type: "product",
    contents: [{ content_id: "a", content_name: "A", price: 12.5, quantity: 1 }],
    order_id: "891",
    query: "mug",
    description: "A mug",
  });
});

test("identity before the events it counts for: the visitor as it is, e-mail and phone as hashes", async () => {
  const page = await open();
  await page.tandem("track", "Lead");
  await page.tandem("identify", { email: "ada@example.com", phone: "0151 23456789", external_id: "K-7" });
  await page.tandem("track", "Lead");
  assert.deepEqual(
    page.ttq().map(([name]) => name),
    ["identify", "track", "track", "identify", "track"],
  );
  assert.deepEqual(
    calls(page, "identify").map((call) => call[1]),
    [
      { external_id: VISITOR },
      { external_id: VISITOR, sha256_email: sha256("ada@example.com"), sha256_phone_number: sha256("+4915123456789") },
    ],
  );
});

test("whether it got in", async () => {
  const page = await open();
  assert.deepEqual(page.posts()[0]?.pixels, { tiktok: "loading" });
  page.tags[0].onload();
  await page.tandem("track", "Lead");
  assert.deepEqual(page.posts()[1]?.pixels, { tiktok: "loaded" });
  page.tags[0].onerror();
  await page.tandem("track", "Lead");
  assert.deepEqual(page.posts()[2]?.pixels, { tiktok: "blocked" });
});

/** As the page's own base code leaves it. */
function pagesOwn(window: any, ...ids: string[]): any[] {
  const log: any[] = [];
  const record =
    (on: string) =>
    (name: string) =>
    (...args: unknown[]) =>
      void log.push([on, name, ...args]);
  const methods = (on: string) => {
    const named = record(on);
    return { track: named("track"), identify: named("identify"), revokeConsent: named("revokeConsent") };
  };
  window.ttq = Object.assign([], methods("all"), {
    _i: Object.fromEntries(ids.map((id) => [id, []])),
    ready: (work: () => void) => work(),
    instance: (id: string) => methods(id),
  });
  return log;
}

test("a pixel that the page has loaded is used and not loaded again", async () => {
  let log: any[] = [];
  const page = await open({ before: (window) => (log = pagesOwn(window, "C4ABC")) });
  assert.equal(page.tags.length, 0);
  assert.deepEqual(
    log.map(([on, name]) => [on, name]),
    [
      ["all", "identify"],
      ["all", "track"],
    ],
  );
  assert.deepEqual(page.posts()[0]?.pixels, { tiktok: "loaded" });
});

test("beside another pixel of the page, ours alone is called", async () => {
  let log: any[] = [];
  const page = await open({ before: (window) => (log = pagesOwn(window, "OTHER")) });
  assert.equal(page.tags.length, 1);
  await page.tandem("consent", "denied");
  assert.deepEqual(
    log.map(([on, name]) => [on, name]),
    [
      ["C4ABC", "identify"],
      ["C4ABC", "track"],
      ["C4ABC", "revokeConsent"],
    ],
  );
});

test("two pixels of the site: each gets each event once", async () => {
  const page = await open({ settings: { pixels: [PIXEL, { ...PIXEL, id: "C5DEF" }] } });
  await page.tandem("track", "Lead");
  const { _i } = page.window.ttq;
  for (const id of ["C4ABC", "C5DEF"]) {
    assert.deepEqual(Array.from(_i[id], (call: any) => call[1]).slice(1), ["Pageview", "Lead"], id);
  }
  assert.equal(page.ttq().length, 0);
});

test("the page may load further pixels through our queue", async () => {
  const page = await open();
  page.window.ttq.load("OTHER", { limited_data_use: true });
  assert.equal(page.tags[1].src, PIXEL_SCRIPT + "?sdkid=OTHER&lib=ttq");
  assert.equal(page.window.ttq._o.OTHER.limited_data_use, true);
  page.window.ttq.page();
  assert.deepEqual(page.ttq().at(-1), ["page"]);
});

test("TikTok's script takes over the queue", async () => {
  const page = await open();
  const seen: unknown[] = [];
  page.window.ttq = { _i: page.window.ttq._i, identify: () => {}, track: (...args: unknown[]) => seen.push(args) };
  await page.tandem("track", "Lead");
  assert.equal(seen.length, 1);
});

test("a pixel that fails costs nothing", async () => {
  const page = await open({
    before: (window) =>
      (window.ttq = {
        track() {
          throw new Error("TikTok's own");
        },
      }),
  });
  await page.tandem("track", "Lead");
  assert.deepEqual(page.names(), ["Pageview", "Lead"]);
  const headless = new Page();
  headless.document.head = null;
  await headless.runScript({ settings: { pixels: [PIXEL] } });
  assert.deepEqual(headless.names(), ["Pageview"]);
});

test("platforms we do not know are passed over", async () => {
  const page = await open({
    settings: { pixels: [{ platform: "other", id: "1", script: "https://x.example/" }, PIXEL] },
  });
  assert.equal(page.tags.length, 1);
  assert.deepEqual(page.posts()[0]?.pixels, { tiktok: "loading" });
});

test("base code that comes after us and before the load event: its script is the only one", async () => {
  const page = await open({ isLoading: true, settings: { pixels: [PIXEL, { ...PIXEL, id: "C5DEF" }] } });
  page.run("ttq._i.C4ABC = []");
  await page.fire("window", "load");
  await page.wait(10_000);
  assert.deepEqual(
    page.tags.map(({ src }) => src),
    [PIXEL_SCRIPT + "?sdkid=C5DEF&lib=ttq"],
  );
  assert.deepEqual(Array.from(page.window.ttq._i.C4ABC, (call: any) => call[0]), ["identify", "track"]);
  const [ready] = page.window.ttq.filter((call: any) => call[0] === "ready");
  ready[1]();
  await page.tandem("track", "Lead");
  assert.deepEqual(page.posts().at(-1)?.pixels, { tiktok: "loaded" });
});
