import assert from "node:assert/strict";
import { test } from "node:test";
import cookies from "./data/consent-cookies.json";
import { lanes, Page, type Options } from "./support/page.ts";

const CHOICES: Record<string, string | undefined> = { granted: "granted", denied: "denied" };

/** One destination whose consent is granted anyway lets the others' be seen. */
const OPEN = { platform: "", requires: [], unknown: "assume" as const };

const jarOf = (values: Record<string, string>) =>
  Object.entries(values)
    .map(([name, value]) => name + "=" + value)
    .join("; ");

const open = (options: Options = {}) =>
  Page.open({ ...options, settings: { lanes: [...lanes("wait"), OPEN], ...options.settings } });

const BOTH = ["advertising", "analytics"];

const told = (page: Page) => page.posts().at(-1)?.consent ?? {};

for (const { id, title, cookies: jar, expect } of cookies as any[]) {
  const [tool, expected] = (Object.entries(expect)[0] ?? ["", {}]) as [string, any];
  test(`${id}: ${title}`, async () => {
    const consent = told(await open({ cookie: jarOf(jar) }));
    if (expected.vendors) {
      const { tiktok } = Array.isArray(expected.vendors.disabled)
        ? { tiktok: !expected.vendors.disabled.includes("c:tiktok") }
        : expected.vendors;
      assert.equal(consent.vendors.tiktok, tiktok ? "granted" : "denied");
    }
    if (!expected.purposes) assert.equal(consent.advertising, CHOICES[expected.marketing]);
    if (expected.analytics) assert.equal(consent.analytics, CHOICES[expected.analytics]);
    if (CHOICES[expected.marketing]) {
      assert.equal(consent.signal, tool);
      assert.equal(consent.by_default.includes("advertising"), expected.explicit === false);
    }
    assert(!/fake|"tok"|6f1c0000|AAAA/.test(JSON.stringify(consent)), "no id of anybody");
  });

  if (expected.marketing !== "granted" || expected.explicit === false) continue;
  // Of Shopify's cookie only the browser tells.
  for (const how of tool === "shopify" ? ["cookieStore"] : ["event", "cookieStore"]) {
    test(`${id}: set after the script, told by ${how}`, async () => {
      let changed = () => {};
      const before = (window: any) =>
        (window.cookieStore = { addEventListener: (_: string, listener: () => void) => (changed = listener) });
      const page = await open({ before });
      assert.equal(told(page).advertising, undefined);
      // Some tools write their cookie just after they have fired their event.
      if (how === "event") {
        const fired = page.fire("document", EVENTS[tool] as string);
        page.document.cookie = jarOf(jar);
        await fired;
      } else {
        page.document.cookie = jarOf(jar);
        changed();
        await page.settle();
      }
      assert.equal(told(page).advertising, "granted");
    });
  }
}

const EVENTS: Record<string, string> = {
  wp_consent_api: "wp_listen_for_consent_change",
  complianz: "cmplz_status_change",
  cookieyes: "cookieyes_consent_update",
  cookieyes_legacy: "cookieyes_consent_update",
  cookiebot: "CookiebotOnAccept",
  onetrust: "OneTrustGroupsUpdated",
  borlabs: "borlabs-cookie-consent-saved",
};

test("Didomi tells of changes through its listeners", async () => {
  const page = await open();
  const status = { purposes: { consent: { enabled: ["advertising"], disabled: [] } }, vendors: { consent: {} } };
  Object.assign(status.vendors.consent, { enabled: ["c:tiktok-KZAU"], disabled: [] });
  page.window.Didomi = { getUserStatus: () => status };
  page.window.didomiEventListeners[0].listener();
  await page.settle();
  assert.deepEqual([told(page).advertising, told(page).vendors.tiktok], ["granted", "granted"]);
});

test("Axeptio tells of changes through its callback", async () => {
  const page = await open();
  page.document.cookie = 'axeptio_cookies={"$$completed":true,"tiktok":true}'.replace(/[{},"]/g, encodeURIComponent);
  const on: Record<string, () => void> = {};
  page.window._axcb[0]({ on: (name: string, work: () => void) => (on[name] = work) });
  on["cookies:complete"]!();
  await page.settle();
  assert.deepEqual(told(page).vendors, { tiktok: "granted" });
  assert.equal(told(page).signal, "axeptio");
});

test("Usercentrics, the older API and the newer one", async () => {
  const service = (name: string, slug: string, isOn: boolean, type = "explicit") => ({
    name,
    categorySlug: slug,
    consent: { status: isOn, history: [{ type: "implicit" }, { type }] },
  });
  let services = [service("TikTok Pixel", "marketing", true, "implicit")];
  const page = await open({
    before: (window) => (window.UC_UI = { isInitialized: () => true, getServicesBaseInfo: () => services }),
  });
  assert.equal(told(page).advertising, undefined);
  services = [service("TikTok Pixel", "marketing", true), service("Other", "marketing", false)];
  await page.fire("window", "UC_UI_CMP_EVENT");
  assert.deepEqual([told(page).advertising, told(page).vendors.tiktok], [undefined, "granted"]);
  const details = { services: { a: { name: "X", category: "marketing", consent: { given: false, type: "EXPLICIT" } } } };
  page.window.__ucCmp = { getConsentDetails: async () => details };
  await page.fire("window", "UC_UI_CMP_EVENT");
  await page.settle();
  assert.equal(told(page).advertising, "denied");
});

test("consent mode: both keys, choices over presets, presets of regions", async () => {
  const gtag = (page: Page, kind: string, states: object) => page.push({ 0: "consent", 1: kind, 2: states, length: 3 });
  const page = await open();
  await gtag(page, "default", { ad_storage: "denied", ad_user_data: "denied", analytics_storage: "granted" });
  assert.deepEqual([told(page).advertising, told(page).by_default, told(page).analytics], ["denied", BOTH, "granted"]);
  await gtag(page, "update", { ad_storage: "granted" });
  assert.deepEqual([told(page).advertising, told(page).by_default], ["denied", BOTH]);
  await gtag(page, "update", { ad_user_data: "granted" });
  const { advertising, by_default, signal } = told(page);
  assert.deepEqual([advertising, by_default, signal], ["granted", ["analytics"], "consent_mode"]);
  await page.push(["consent", "update", { ad_user_data: "denied" }]);
  assert.deepEqual([told(page).advertising, told(page).by_default], ["denied", ["analytics"]]);
  const regional = await open();
  await gtag(regional, "default", { ad_storage: "granted", ad_user_data: "granted", region: ["US"] });
  assert.equal(told(regional).advertising, undefined);
});

test("TCF: purposes, vendors, and restrictions", async () => {
  let tell: any;
  const TCF = [{ ...lanes("wait")[0]!, tcf_vendor: 755 }, OPEN];
  const page = await open({
    settings: { lanes: TCF },
    before: (window) => (window.__tcfapi = (_: string, _v: number, listener: any) => (tell = listener)),
  });
  const yes = { 1: true, 3: true, 4: true, 7: true, 9: true };
  const say = async (more: object) => {
    const data = { eventStatus: "tcloaded", purpose: { consents: yes }, vendor: { consents: { 755: true } }, ...more };
    tell(data, true);
    await page.settle();
    const { advertising, vendors, signal } = told(page);
    return [advertising, vendors?.tiktok, signal];
  };
  // Until the tool speaks, nothing is assumed, in any region.
  assert.deepEqual(await say({ eventStatus: "cmpuishown" }), ["denied", undefined, "tcf"]);
  assert.deepEqual(told(page).by_default, ["advertising", "analytics", "functional"]);
  assert.deepEqual(await say({}), ["granted", "granted", "tcf"]);
  assert.deepEqual(await say({ publisher: { restrictions: { 3: { 755: 0 } } } }), ["granted", "denied", "tcf"]);
  assert.deepEqual(await say({ vendor: { consents: {} } }), ["granted", "denied", "tcf"]);
  assert.deepEqual((await say({ purpose: { consents: { 1: true } } }))[0], "denied");
  const free = await open({ settings: { lanes: TCF }, before: (window) => (window.__tcfapi = page.window.__tcfapi) });
  tell({ gdprApplies: false, eventStatus: "tcloaded" }, true);
  await free.tandem("track", "Lead");
  assert.equal(told(free).advertising, undefined);
});

test("broken and hostile tools cost nothing", async () => {
  const bomb = () => {
    throw new Error("the tool's own");
  };
  const page = await open({
    cookie: `CookieConsent=%; borlabs-cookie=%7B; didomi_token=!!; axeptio_cookies=null; OptanonConsent=${"a:".repeat(2000)}`,
    before: (window) => {
      for (const name of ["Cookiebot", "UC_UI", "Didomi"]) Object.defineProperty(window, name, { get: bomb });
      window.__tcfapi = bomb;
      window.__ucCmp = { getConsentDetails: bomb };
      window.cookieStore = {};
      window._axcb = 5;
    },
  });
  await page.fire("window", "UC_UI_CMP_EVENT");
  await page.push(["consent", "update", new Proxy({}, { get: bomb, ownKeys: bomb })]);
  assert.deepEqual(page.errors, []);
  assert.deepEqual(page.names(), ["Pageview"]);
});
