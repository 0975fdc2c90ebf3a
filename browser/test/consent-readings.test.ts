/** Cookies and objects of consent tools that were once read wrongly. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lanes, Page, PIXEL_SCRIPT, type Options } from "./support/page.ts";

const PIXELS = [{ platform: "tiktok", id: "C4ABC", script: PIXEL_SCRIPT }];
const OPEN = { platform: "", requires: [], unknown: "assume" as const };

const open = (unknown: "wait" | "assume", options: Options = {}) =>
  Page.open({ ...options, settings: { lanes: lanes(unknown), pixels: PIXELS, ...options.settings } });

/** What is told of consent, which one open destination lets be seen. */
async function told(options: Options): Promise<any> {
  const page = await Page.open({ ...options, settings: { lanes: [...lanes("wait"), OPEN], ...options.settings } });
  return page.posts().at(-1)?.consent ?? {};
}

const didomi = (purposes: string) => "didomi_token=" + btoa(`{"purposes":${purposes}}`);
const escaped = (json: string) => json.replace(/"/g, "%22");
const LANDED = "landingPath=https%3A%2F%2Fs.example%2F%3F";
const onetrust = (text: string) => `OptanonAlertBoxClosed=2025-06-06T00:00:00.000Z; OptanonConsent=${text}`;

for (const [what, cookie, advertising] of [
  ["Didomi without a yes", didomi('{"disabled":["advertising"]}'), "denied"],
  ["Didomi without a no", didomi('{"enabled":["advertising"]}'), "granted"],
  ["Didomi, one of its purposes", didomi('{"disabled":["select_personalized_ads"]}'), "denied"],
  ["Axeptio, a vendor like a category", escaped('axeptio_cookies={"$$completed":true,"google_ads_x":true}'), undefined],
  ["two cookies of one name: the first", "cmplz_marketing=deny; cmplz_marketing=allow", "denied"],
  ["Complianz on a network of sites", "cmplz_rt_marketing=deny; cmplz_rt_banner-status=dismissed", "denied"],
  ["OneTrust, an address beside the groups", onetrust(`groups=C0004%3A0&${LANDED}C0004%3D1&x=1`), "denied"],
  ["OneTrust, an address before the groups", onetrust(`${LANDED}m%3D0&groups=C0004%3A1`), "granted"],
  ["OneTrust, browser's signal without groups", onetrust("isGpcEnabled=1"), "denied"],
  ["a stray percent sign", "cookieyes-consent=consentid:a,action:yes,advertisement:no,other:100%", "denied"],
  ["Cookie Law Info, a no to all", "viewed_cookie_policy=no; cookielawinfo-checkbox-advertisement=yes", "denied"],
  ["Borlabs, a service like a category", escaped('borlabs-cookie={"consents":{"a":["google_ads_x"]}}'), "denied"],
] as [string, string, string?][]) {
  test(what, async () => assert.equal((await told({ cookie })).advertising, advertising));
}

test("what is functional is no choice", async () => {
  const cookie = "cmplz_functional=allow; wp_consent_functional=allow; cmplz_rt_functional=allow";
  assert.equal((await told({ cookie })).functional, undefined);
});

test("Usercentrics: services without an answer are skipped", async () => {
  const services = [
    { name: "New", categorySlug: "marketing", consent: { status: false, history: [] } },
    { name: "TikTok Pixel", categorySlug: "marketing", consent: { status: false, history: [{ type: "explicit" }] } },
  ];
  const before = (window: any) => (window.UC_UI = { isInitialized: () => true, getServicesBaseInfo: () => services });
  assert.equal((await told({ before })).advertising, "denied");
  const details = { a: { name: "New", category: "marketing" }, b: { category: "marketing", consent: { given: true } } };
  const newer = (window: any) => (window.__ucCmp = { getConsentDetails: async () => ({ services: details }) });
  assert.equal((await open("wait", { before: newer })).posts().length, 1);
});

test("consent mode: a preset no of any region counts, a yes of one does not", async () => {
  const preset = (state: string, more: object = {}) => [
    "consent",
    "default",
    { ad_storage: state, ad_user_data: state, ...more },
  ];
  const US = { region: ["US"] };
  for (const [layer, count] of [
    [[preset("denied"), preset("granted", US)], 0],
    [[preset("granted", US), preset("denied")], 0],
    [[preset("granted"), preset("denied", US)], 0],
    [[preset("granted")], 1],
  ] as const) {
    const page = await open("assume", { before: (window) => (window.dataLayer = [...layer]) });
    assert.equal(page.tags.length, count);
  }
});

test("what is preset is told by purpose", async () => {
  const before = (window: any) => (window.dataLayer = [["consent", "default", { analytics_storage: "granted" }]]);
  const { advertising, analytics, by_default } = await told({ before, cookie: "cmplz_marketing=deny" });
  assert.deepEqual([advertising, analytics, by_default], ["denied", "granted", ["analytics"]]);
});

for (const [event, cookie] of [
  ["cli_consent_update", "viewed_cookie_policy=yes; cookielawinfo-checkbox-advertisement=no"],
  ["visitorConsentCollected", escaped('_tracking_consent={"con":{"CMP":{"m":"0"}}}')],
] as const) {
  test("told by " + event, async () => {
    const page = await open("assume");
    page.document.cookie = cookie;
    await page.fire("document", event);
    await page.tandem("track", "Lead");
    assert.deepEqual(page.names(), ["Pageview"]);
  });
}
