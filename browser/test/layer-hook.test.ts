import assert from "node:assert/strict";
import { test } from "node:test";
import { Page } from "./support/page.ts";

const cart = (id: string) => ({ event: "add_to_cart", ecommerce: { items: [{ item_id: id }] } });
const ids = (page: Page) => page.others().map((event) => event.contents[0].content_id);

test("past entries, then future ones, in order", async () => {
  const page = await Page.open({
    before: (window) => (window.dataLayer = [cart("1"), { event: "gtm.js" }, cart("2")]),
  });
  await page.push(cart("3"));
  await page.push(cart("4"), cart("5"));
  assert.deepEqual(ids(page), ["1", "2", "3", "4", "5"]);
});

test("push works as before", async () => {
  const page = await Page.open();
  assert.equal(page.window.dataLayer.push(cart("1"), "x"), 2);
  assert.equal(page.window.dataLayer.push(), 2);
  assert.deepEqual(Array.from(page.window.dataLayer), [cart("1"), "x"]);
});

test("a push of the page's own stays in use, with its result and its exceptions", async () => {
  const seen: unknown[] = [];
  const page = await Page.open({
    before(window) {
      window.dataLayer = [];
      window.dataLayer.push = (entry: { fails?: boolean }) => {
        if (entry.fails) throw new Error("the page's own");
        return seen.push(entry) * 100;
      };
    },
  });
  assert.equal(page.window.dataLayer.push(cart("1")), 100);
  assert.throws(() => page.window.dataLayer.push({ fails: true }), /the page's own/);
  await page.settle();
  assert.deepEqual(ids(page), ["1"]);
  assert.equal(seen.length, 1);
});

test("a tag manager that wraps push after us", async () => {
  const page = await Page.open();
  const layer = page.window.dataLayer;
  const ours = layer.push;
  layer.push = function (...entries: unknown[]) {
    ours.apply(layer, entries);
    return true;
  };
  assert.equal(layer.push(cart("1")), true);
  await page.settle();
  assert.deepEqual(ids(page), ["1"]);
});

test("the array is made when there is none, under the site's name for it", async () => {
  const page = await Page.open({ settings: { data_layer: "shopLayer" } });
  assert.equal(page.window.shopLayer.length, 0);
  assert.equal(page.window.dataLayer, undefined);
  page.window.shopLayer.push(cart("1"));
  await page.settle();
  assert.deepEqual(ids(page), ["1"]);
});

test("no name, no reading", async () => {
  const page = await Page.open({
    settings: { data_layer: null },
    before: (window) => (window.dataLayer = [cart("1")]),
  });
  await page.push(cart("2"));
  assert.deepEqual(ids(page), []);
});

test("another array in its place: new entries count, copies of old ones do not", async () => {
  const page = await Page.open();
  await page.push(cart("1"));
  page.window.dataLayer = page.window.dataLayer.concat([cart("2")]);
  await page.fire("window", "load");
  assert.deepEqual(ids(page), ["1", "2"]);
  await page.push(cart("3"));
  await page.fire("window", "load");
  assert.deepEqual(ids(page), ["1", "2", "3"]);
});

test("another array is found on navigation and on leaving, too", async () => {
  const page = await Page.open();
  page.window.dataLayer = [cart("1")];
  await page.go("pushState", "/next");
  assert.deepEqual(ids(page), ["1"]);
  page.window.dataLayer = [cart("2")];
  await page.leave();
  assert.deepEqual(ids(page), ["1", "2"]);
});

test("the same object twice is two events", async () => {
  const page = await Page.open();
  const entry = cart("1");
  await page.push(entry);
  await page.push(entry);
  assert.equal(ids(page).length, 2);
});

test("the page's own report of a page view is the one the script counted", async () => {
  const page = await Page.open({ before: (window) => (window.dataLayer = [{ event: "page_view" }]) });
  await page.push(["event", "page_view", {}]);
  assert.deepEqual(page.names(), ["Pageview"]);
});

test("where the script does not follow navigation, the page's own report counts", async () => {
  const page = await Page.open({ settings: { single_page: false } });
  await page.go("pushState", "/next");
  assert.equal(page.names().length, 1);
  await page.push({ event: "page_view" });
  await page.push({ event: "page_view" });
  assert.deepEqual(
    page.events().map((event) => event.page?.url ?? "envelope"),
    ["envelope", "envelope"],
  );
  assert.equal(page.posts().at(-1)?.page.url, "https://shop.example/next");
});
