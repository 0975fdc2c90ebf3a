import assert from "node:assert/strict";
import { test } from "node:test";
import { Page } from "./support/page.ts";

/** The addresses of the page views, with where they came from. */
function views(page: Page): string[] {
  return page
    .posts()
    .flatMap((post) =>
      post.events.filter((event) => event.event_name === "Pageview").map((event) => event.page ?? post.page),
    )
    .map(
      ({ url, referrer }) =>
        url.replace("https://shop.example", "") + (referrer && " from " + referrer.replace("https://shop.example", "")),
    );
}

test("one on load", async () => {
  assert.deepEqual(
    views(await Page.open({ url: "https://shop.example/a?b=1#c", referrer: "https://search.example/?q=x" })),
    ["/a?b=1 from https://search.example/?q=x"],
  );
});

test("navigation inside the page, each with the address before", async () => {
  const page = await Page.open({ referrer: "https://search.example/" });
  await page.go("pushState", "/a");
  await page.go("pushState", "/a?b=1");
  page.now += 5_000;
  await page.go("replaceState", "/c");
  await page.back("/a");
  assert.deepEqual(views(page), [
    "/ from https://search.example/",
    "/a from /",
    "/a?b=1 from /a",
    "/c from /a?b=1",
    "/a from /c",
  ]);
});

test("an address counts once in a row, whatever its fragment", async () => {
  const page = await Page.open();
  await page.go("pushState", "/");
  await page.go("pushState", "/#a");
  page.now += 5_000;
  await page.go("replaceState", "/#b");
  await page.back("/#c");
  assert.deepEqual(views(page), ["/"]);
  await page.tandem("page");
  assert.deepEqual(views(page), ["/"]);
});

test("replaceState right after a view corrects its address", async () => {
  const page = await Page.open({ url: "https://shop.example/?utm_source=x" });
  page.now += 900;
  await page.go("replaceState", "/");
  page.now += 900;
  await page.go("replaceState", "/en");
  assert.deepEqual(views(page), ["/?utm_source=x"]);
  page.now += 5_000;
  await page.go("pushState", "/product");
  await page.go("replaceState", "/product?color=red");
  await page.push({ event: "view_item" });
  assert.deepEqual(views(page), ["/?utm_source=x", "/product from /en"]);
  assert.equal(page.posts().at(-1)?.page.url, "https://shop.example/product?color=red");
  page.now += 5_000;
  await page.go("replaceState", "/product?color=blue");
  assert.equal(views(page).length, 3);
});

test("without single_page only the first is counted, and the page's own calls", async () => {
  const page = await Page.open({ settings: { single_page: false } });
  await page.go("pushState", "/a");
  await page.back("/b");
  assert.deepEqual(views(page), ["/"]);
  await page.tandem("page");
  await page.tandem("page");
  assert.deepEqual(views(page), ["/", "/b from /"]);
});

test("the page's own call for the first view does not double it", async () => {
  const page = await Page.open({ before: (window) => (window.tandem = Object.assign(() => {}, { q: [["page"]] })) });
  assert.deepEqual(views(page), ["/"]);
});

test("history works as before", async () => {
  const page = await Page.open();
  assert.equal(page.window.history.pushState({ a: 1 }, "", "/x"), undefined);
  assert.equal(page.window.location.pathname, "/x");
  assert.throws(() => page.window.history.pushState(null, "", "http://["), /Invalid URL/);
});

test("a history that cannot be wrapped", async () => {
  const page = new Page();
  Object.freeze(page.window.history);
  await page.runScript();
  await page.go("pushState", "/x");
  await page.push({ event: "search" });
  assert.deepEqual(page.names(), ["Pageview", "Search"]);
});

test("back from the browser's cache is no view", async () => {
  const page = await Page.open();
  await page.fire("window", "pageshow", { persisted: true });
  assert.deepEqual(views(page), ["/"]);
});

test("a page rendered ahead counts when it is shown", async () => {
  const page = await Page.open({ prerendering: true });
  page.window.tandem("track", "Lead");
  await page.settle();
  assert.equal(page.requests.length + page.local.accesses, 0);
  page.document.prerendering = false;
  await page.fire("document", "prerenderingchange");
  assert.deepEqual(page.names(), ["Pageview", "Lead"]);
});

test("a click id that the page took out of the address bar before us", async () => {
  const page = await Page.open({
    url: "https://shop.example/",
    navigation: "https://shop.example/?a=1&ttclid=E.C.P.x",
  });
  assert.deepEqual(views(page), ["/?a=1&ttclid=E.C.P.x"]);
  await page.push({ event: "view_item" });
  assert.equal(page.posts().at(-1)?.page.url, "https://shop.example/");
  const other = await Page.open({ navigation: "https://shop.example/?utm_source=x&nottclid=1" });
  assert.deepEqual(views(other), ["/"]);
});

test("other pixels' code, taken over word for word, does not double the page view", async () => {
  const q = [["track", "PageView"]];
  const page = await Page.open({ before: (window) => (window.tandem = Object.assign(() => {}, { q })) });
  await page.tandem("track", "page_view", {});
  assert.deepEqual(page.names(), ["Pageview"]);
  await page.tandem("track", "Pageview", {}, { event_id: "view-2" });
  assert.equal(page.events()[1]?.event_id, "view-2");
});
