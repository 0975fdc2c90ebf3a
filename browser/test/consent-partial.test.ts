/** Consent to one thing and not to another, given, taken back, and told to other tabs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lanes, Page, PIXEL_SCRIPT, type Options } from "./support/page.ts";

const PIXELS = [{ platform: "tiktok", id: "C4ABC", script: PIXEL_SCRIPT }];
const COOKIE = "tdv=mg3k2v1x9abcdefghij0123456789";
const METHODS = ["page", "track", "identify", "ready"];

const statistics = (unknown: "wait" | "assume" = "wait") => ({ platform: "other", requires: ["analytics"], unknown });

const open = ({ settings, ...options }: Options = {}) =>
  Page.open({ ...options, settings: { lanes: [...lanes("wait"), statistics()], pixels: PIXELS, ...settings } });

/** The page's own base code, as far as its methods go. */
function base(methods: string[]): any {
  const calls: any = [];
  for (const name of methods) calls[name] = (...args: any[]) => void calls.push([name, ...args]);
  return Object.assign(calls, { _i: { C4ABC: [] } });
}

const tracked = (page: Page) => page.ttq().flatMap(([name, what]) => (name === "track" ? [what] : []));

test("a destination that opens later gets what was held for its pixel; one that is refused does not", async () => {
  for (const [word, names] of [
    ["granted", ["Pageview", "Purchase", "Lead"]],
    ["denied", ["Lead"]],
  ] as const) {
    const page = await open({ settings: { lanes: [...lanes("wait"), statistics("assume")] } });
    await page.tandem("track", "Purchase", { order_id: 1, value: 5 });
    await page.tandem("consent", { advertising: word });
    await page.tandem("consent", { advertising: "granted" });
    await page.tandem("track", "Lead");
    assert.deepEqual(tracked(page), names);
  }
});

test("base code without the calls for consent: they are queued, and what waits is dropped", async () => {
  const page = await open({ settings: { lanes: lanes("assume") }, before: (window) => (window.ttq = base(METHODS)) });
  assert.deepEqual(tracked(page), ["Pageview"]);
  await page.tandem("consent", "denied");
  assert.deepEqual([tracked(page), page.ttq().at(-1)], [[], ["revokeConsent"]]);
  const refused = { cookie: "cmplz_marketing=deny", before: (window: any) => (window.ttq = base(METHODS)) };
  assert.deepEqual((await open(refused)).ttq(), [["revokeConsent"]]);
});

test("the page's own pixel that comes later is settled, also while another destination is open", async () => {
  const page = await open({ isLoading: true, cookie: "cmplz_marketing=deny; cmplz_statistics=allow" });
  page.window.ttq = base([...METHODS, "revokeConsent"]);
  await page.fire("window", "load");
  assert.deepEqual(page.ttq(), [["revokeConsent"]]);
});

test("advertising taken back while statistics go on: other tabs hear of it", async () => {
  const [here, there] = [await open(), await open()];
  const written: string[] = [];
  here.local.setItem = (key, value) => void (key === "tdx" && written.push(value));
  for (const page of [here, there]) await page.tandem("consent", "granted");
  await here.tandem("consent", { advertising: "denied" });
  assert.deepEqual(written, ['["advertising"]']);
  await there.fire("window", "storage", { key: "tdx", newValue: written[0] });
  await there.tandem("track", "Lead");
  assert.deepEqual(there.names(), ["Pageview", "Lead"]);
  assert.deepEqual(there.ttq().at(-1), ["revokeConsent"]);
  await there.tandem("consent", { analytics: "granted" });
  assert.deepEqual(there.ttq().at(-1), ["revokeConsent"]);
  await there.tandem("consent", { advertising: "granted" });
  assert.deepEqual(there.ttq().at(-1), ["grantConsent"]);
});

test("a platform's no is heard by other tabs, too", async () => {
  const cookie = (word: boolean) => `axeptio_cookies={%22$$completed%22:true,%22meta%22:true,%22tiktok%22:${word}}`;
  const meta = { ...lanes("wait")[0]!, platform: "meta", vendors: ["meta"] };
  const settings = { lanes: [...lanes("wait"), meta] };
  const options = { settings, cookie: cookie(true) };
  const [here, there] = [await open(options), await open(options)];
  let written = "";
  here.local.setItem = (key, value) => void (key === "tdx" && (written = value));
  here.document.cookie = cookie(false);
  here.window._axcb[0]({ on: (_: string, work: () => void) => work() });
  await here.settle();
  await there.fire("window", "storage", { key: "tdx", newValue: written });
  for (const page of [here, there]) assert.deepEqual(page.ttq().at(-1), ["revokeConsent"]);
});

test("another tab's no is not lifted by a change of something else", async () => {
  const page = await open({ cookie: "cmplz_marketing=allow" });
  for (const value of ["1", "{", '["advertising"]']) {
    await page.fire("window", "storage", { key: "tdx", newValue: value });
  }
  assert.deepEqual(page.errors, []);
  await page.push(["consent", "default", { functionality_storage: "granted" }]);
  await page.tandem("track", "Lead");
  assert.deepEqual(page.names(), ["Pageview"]);
});

test("a withdrawal tells of no page, and keeps its age when it is sent late", async () => {
  const url = "https://shop.example/a?ttclid=E.C.P.1";
  const page = await open({ url, cookie: COOKIE, settings: { lanes: lanes("assume") } });
  page.answer = () => new Error("no network");
  await page.tandem("consent", "denied");
  page.now += 1_000;
  await page.tandem("consent", "granted");
  page.answer = () => ({ status: 200, body: {} });
  await page.wait(1_000);
  const [no, yes] = page.posts().slice(-2);
  assert.equal("page" in no! || "locale" in no!, false);
  assert.deepEqual([no?.consent.advertising, no!.sent_at - no!.consent.at], ["denied", 2_000]);
  assert.deepEqual([yes?.consent.advertising, yes!.sent_at - yes!.consent.at], ["granted", 1_000]);
});

test("statistics alone: no click id in any address, and all of them after a yes", async () => {
  const url = "https://shop.example/a?b=1&ttclid=E.C.P.1&fbclid=F.2&c=3";
  const page = await open({ url, referrer: "https://l.example/?fbclid=F.3" });
  await page.tandem("consent", { analytics: "granted" });
  await page.go("pushState", "/b");
  const [first, second] = page.posts();
  assert(!/E\.C\.P|F\.\d/.test(JSON.stringify([first, second])), JSON.stringify([first, second]));
  assert.match(first!.page.url, /\?b=1&.*&c=3$/);
  await page.go("pushState", "/c?ttclid=E.C.P.4");
  await page.tandem("consent", { advertising: "granted" });
  assert.match(page.posts().at(-1)!.page.url, /ttclid=E\.C\.P\.4$/);
});
