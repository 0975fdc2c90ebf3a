import assert from "node:assert/strict";
import { test } from "node:test";
import { lanes, Page, PIXEL_SCRIPT, type Options } from "./support/page.ts";

const PIXELS = [{ platform: "tiktok", id: "C4ABC", script: PIXEL_SCRIPT }];
const STATISTICS = { platform: "other", requires: ["analytics"], unknown: "wait" as const };
const ALL = '["advertising","analytics","functional"]';
const GPC = { globalPrivacyControl: true };

const open = ({ settings, ...options }: Options = {}) =>
  Page.open({ ...options, settings: { lanes: lanes("wait"), pixels: PIXELS, ...settings } });

test("statistics alone: events go, without what advertising needs", async () => {
  const page = await open({ settings: { lanes: [...lanes("wait"), STATISTICS], forms: true }, cookie: "ttclid=E.C.P.1" });
  await page.tandem("identify", { email: "ada@example.com" });
  await page.tandem("consent", { advertising: "denied", analytics: "granted" });
  await page.tandem("identify", { email: "ada@example.com" });
  assert.deepEqual(page.names(), ["Pageview"]);
  for (const field of ["cookies", "user", "pixels"]) assert.equal(field in page.posts()[0]!, false, field);
  assert.equal(page.tags.length + page.session.values.size, 0);
  await page.tandem("consent", { advertising: "granted" });
  assert.equal(page.tags.length, 1);
  assert.equal(page.posts().at(-1)?.cookies.ttclid, "E.C.P.1");
  await page.tandem("consent", { advertising: "denied" });
  await page.tandem("track", "Lead");
  assert.equal(page.posts().at(-1)?.consent.advertising, "denied");
  assert.equal("cookies" in page.posts().at(-1)!, false);
  assert.deepEqual(page.ttq().at(-1), ["revokeConsent"]);
});

test("a vendor's no is for its platform alone", async () => {
  const cookie = "axeptio_cookies=" + encodeURIComponent('{"$$completed":true,"tiktok":false,"meta_pixel":true}');
  const meta = { platform: "meta", requires: ["advertising"], unknown: "wait" as const, vendors: ["meta"] };
  const page = await open({ cookie, settings: { lanes: [...lanes("assume"), meta] } });
  assert.deepEqual(page.posts()[0]?.consent.vendors, { tiktok: "denied", meta: "granted" });
  assert.equal(page.tags.length, 0);
});

test("one no outweighs any yes; a choice outweighs a preset", async () => {
  const page = await open({ cookie: "cmplz_marketing=allow; wp_consent_marketing=deny" });
  assert.equal(page.requests.length, 0);
  page.document.cookie = "cmplz_marketing=allow";
  await page.push(["consent", "default", { ad_storage: "denied", ad_user_data: "denied" }]);
  assert.deepEqual(page.posts().at(-1)?.consent.advertising, "granted");
});

test("a preset yes counts where the site says so", async () => {
  const cookie = "CookieConsent={marketing:true%2Cmethod:%27implied%27}";
  assert.equal((await open({ cookie })).requests.length, 0);
  assert.equal((await open({ cookie, settings: { accept_defaults: true } })).names().length, 1);
  const assumed = await open({ cookie, settings: { lanes: lanes("assume") } });
  assert.deepEqual(assumed.posts()[0]?.consent.by_default, ["advertising"]);
  const denied = await open({ cookie: cookie.replace("true", "false"), settings: { lanes: lanes("assume") } });
  assert.equal(denied.requests.length, 0);
});

test("ask: once, and only where silence has to be read", async () => {
  for (const [answer, names] of [
    [{ status: 200, body: { unknown: "assume" } }, ["Pageview", "Lead"]],
    [{ status: 200, body: { unknown: "wait" } }, []],
    [{ status: 500, body: { unknown: "assume" } }, []],
    [new Error("no network"), []],
    [new Promise(() => {}), []],
  ] as const) {
    const page = new Page();
    page.answer = ({ url }) => (url.endsWith("/c") ? (answer as any) : { status: 200, body: {} });
    await page.runScript({ settings: { lanes: lanes("ask") } });
    await page.tandem("track", "Lead");
    const [first, ...others] = page.requests;
    assert.deepEqual([first?.url, first?.init.credentials], ["https://shop.example/x7k2/c", "omit"]);
    assert(!others.some(({ url }) => url.endsWith("/c")));
    assert.deepEqual(page.names(), names);
  }
  const settled = await open({ settings: { lanes: lanes("ask") }, cookie: "cmplz_marketing=deny" });
  assert.equal(settled.requests.length, 0);
});

test("Global Privacy Control", async () => {
  const count = async (gpc: "deny" | "limit" | "deny_in_opt_out_regions", unknown: "wait" | "assume", cookie = "") =>
    (await open({ navigator: GPC, cookie, settings: { gpc, lanes: lanes(unknown) } })).names().length;
  assert.equal(await count("deny", "assume"), 0);
  assert.equal(await count("deny", "wait", "cmplz_marketing=allow"), 0);
  assert.equal(await count("limit", "assume"), 1);
  // A gateway that does not know regions asks for none.
  assert.equal(await count("deny_in_opt_out_regions", "assume"), 1);
  assert.equal(await count("deny_in_opt_out_regions", "wait", "cmplz_marketing=allow"), 1);
});

test("Global Privacy Control by region: a no where silence counts, and nothing before that is known", async () => {
  const settings = { gpc: "deny_in_opt_out_regions" as const, refused_orders: false };
  for (const [unknown, count] of [
    ["assume", 0],
    ["wait", 1],
    [undefined, 0],
  ] as const) {
    for (const all of [lanes("ask"), [...lanes("wait"), { ...STATISTICS, requires: [], unknown: "ask" as const }]]) {
      const page = new Page({ navigator: GPC, cookie: "cmplz_marketing=allow" });
      const answer = unknown ? { status: 200, body: { unknown } } : new Promise<any>(() => {});
      page.answer = ({ url }) => (url.endsWith("/c") ? answer : { status: 200, body: {} });
      await page.runScript({ settings: { ...settings, lanes: all, pixels: PIXELS } });
      assert.equal(page.tags.length, count, unknown);
    }
  }
});

test("a no: nothing at all; then a yes, a withdrawal and a yes again", async () => {
  const page = await open({ cookie: "cmplz_marketing=deny", settings: { forms: true } });
  await page.tandem("track", "Lead");
  await page.leave();
  assert.equal(page.requests.length + page.beacons.length + page.tags.length, 0);
  assert.equal(page.local.values.size + page.session.values.size + (page.window.ttq ? 1 : 0), 0);
  const say = async (word: string) => {
    page.document.cookie = "cmplz_marketing=" + word;
    await page.fire("document", "cmplz_status_change");
  };
  await say("allow");
  assert.deepEqual(page.names(), []);
  await page.tandem("track", "Search");
  await say("deny");
  await page.tandem("track", "Contact");
  await say("allow");
  await page.tandem("track", "Subscribe");
  assert.deepEqual(page.names(), ["Search", "Subscribe"]);
  assert.deepEqual(
    page.ttq().map(([name]) => name),
    ["revokeConsent", "grantConsent", "identify", "track"],
  );
});

test("the page's own pixel is held, allowed and revoked", async () => {
  const log: string[] = [];
  const ttq: any = { _i: { C4ABC: [] }, ready: () => {}, identify: () => {}, track: () => {} };
  for (const name of ["holdConsent", "grantConsent", "revokeConsent"]) ttq[name] = () => log.push(name);
  const page = await open({ before: (window) => (window.ttq = ttq) });
  await page.tandem("consent", "granted");
  await page.tandem("consent", "denied");
  assert.deepEqual(log, ["holdConsent", "grantConsent", "revokeConsent"]);
  assert.equal(page.tags.length, 0);
});

test("anonymous: after a no, events go out with nothing of the visitor's", async () => {
  const page = await open({ url: "https://shop.example/a?ttclid=E.C.P.1#x", settings: { anonymous: true } });
  assert.equal(page.requests.length, 0);
  await page.tandem("consent", "denied");
  await page.tandem("track", "Search", { query: "mug", score: 7 });
  const [first, second] = page.requests;
  assert.deepEqual([first?.init.credentials, page.names()], ["omit", ["Pageview", "Search"]]);
  const body = JSON.parse(second?.init.body);
  assert.deepEqual(Object.keys(body).sort(), ["consent", "events", "sent_at", "visitor"]);
  assert.notEqual(body.visitor, JSON.parse(first?.init.body).visitor);
  assert.deepEqual(body.events[0].page, { url: "https://shop.example/a" });
  assert.equal("search_string" in body.events[0] || "properties" in body.events[0], false);
  assert.equal(page.local.values.size + page.session.values.size + page.tags.length, 0);
});

test("the order of a visitor who refused is told of, with the no and nothing else", async () => {
  const page = await open({
    cookie: "cmplz_marketing=deny",
    url: "https://shop.example/thanks?key=secret",
    settings: { lanes: lanes("assume"), refused_orders: true },
  });
  await page.tandem("track", "AddToCart", { value: 5, currency: "EUR" });
  assert.equal(page.requests.length, 0);
  await page.tandem("track", "Purchase", { order_id: "891", value: 5, currency: "EUR", contents: [{ content_id: "a" }] });
  const { init } = page.requests[0]!;
  const { visitor, sent_at, consent, events, ...rest } = JSON.parse(init.body);
  assert.deepEqual([init.credentials, page.requests.length, rest], ["omit", 1, {}]);
  assert.match(visitor, /^[a-z0-9]{20}$/);
  assert.deepEqual([consent.advertising, consent.signal], ["denied", "complianz"]);
  const { at, ...event } = events[0];
  assert.deepEqual(event, {
    event_name: "Purchase",
    event_id: "wc_order_891",
    order_id: "891",
    page: { url: "https://shop.example/thanks" },
  });
  assert.equal(page.local.values.size + page.session.values.size + page.tags.length, 0);
});

test("a TCF tool that has not spoken is no silence", async () => {
  const page = await open({ cookie: "euconsent-v2=CP1R2oAP1R2oA", settings: { lanes: lanes("assume") } });
  await page.tandem("track", "Lead");
  assert.equal(page.requests.length, 0);
});

test("another tab's no is lifted by a new word or a changed tool, not by what was said before", async () => {
  const page = await open({ cookie: "cmplz_marketing=allow" });
  await page.fire("window", "storage", { key: "tdx", newValue: ALL });
  await page.fire("document", "cmplz_status_change");
  await page.tandem("track", "Lead");
  assert.deepEqual(page.names(), ["Pageview"]);
  page.document.cookie = "cmplz_marketing=allow; cmplz_statistics=allow";
  await page.fire("document", "cmplz_status_change");
  await page.tandem("track", "Search");
  assert.deepEqual(page.names(), ["Pageview", "Search"]);
});
