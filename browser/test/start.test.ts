import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, SETTINGS, SRC } from "./support/page.ts";

const STUB = "window.tandem = window.tandem || function () { (tandem.q = tandem.q || []).push(arguments) };";
const asBuilt = (script: string) => script;

test("calls of the stub are run in order, after the page view", async () => {
  const page = new Page();
  page.run(
    STUB +
      "tandem('identify', { email: 'ada@example.com' });" +
      "tandem('track', 'Lead'); tandem('track', 'Search', { query: 'mug' });",
  );
  await page.runScript();
  assert.deepEqual(page.names(), ["Pageview", "Lead", "Search"]);
  assert.equal(page.posts()[0]?.user.email.length, 1);
});

test("code that kept the stub goes on working", async () => {
  const page = new Page();
  page.run(STUB + "var kept = tandem;");
  await page.runScript();
  page.run("kept('track', 'Lead')");
  await page.settle();
  assert.deepEqual(page.names(), ["Pageview", "Lead"]);
});

test("the stub after the script changes nothing", async () => {
  const page = await Page.open();
  page.run(STUB + "tandem('track', 'Lead')");
  await page.settle();
  assert.deepEqual(page.names(), ["Pageview", "Lead"]);
});

test("calls before the script without any stub", async () => {
  const page = await Page.open();
  await page.tandem("track", "Lead");
  assert.deepEqual(page.names(), ["Pageview", "Lead"]);
});

test("the script twice on a page is there once", async () => {
  const page = await Page.open();
  await page.runScript();
  await page.push({ event: "add_to_cart" });
  await page.go("pushState", "/next");
  await page.tandem("track", "Lead");
  assert.deepEqual(page.names(), ["Pageview", "AddToCart", "Pageview", "Lead"]);
});

test("settings from the tag when the script is as it was built", async () => {
  const tag = {
    src: "https://shop.example/x7k2/s.0123456789abcdef.js",
    dataset: { settings: JSON.stringify(SETTINGS) },
  };
  const page = await Page.open({ source: asBuilt, tag });
  assert.equal(page.requests[0]?.url, "https://shop.example/x7k2/a");
});

test("the endpoint lies beside the script, also on another host and with a query", async () => {
  const page = await Page.open({ tag: { src: "https://t.shop.example/p/q/s.js?v=2" } });
  assert.equal(page.requests[0]?.url, "https://t.shop.example/p/q/a");
});

test("without an address or settings nothing happens at all", async () => {
  const tags = [
    null,
    { src: "", dataset: { settings: JSON.stringify(SETTINGS) } },
    { src: SRC },
    { src: SRC, dataset: { settings: "" } },
    { src: SRC, dataset: { settings: "{" } },
    { src: SRC, dataset: { settings: "null" } },
    { src: SRC, dataset: { settings: "[]" } },
    { src: SRC, dataset: { settings: '"x"' } },
    { src: SRC, dataset: { settings: "{}" } },
    { src: "s.js", dataset: { settings: JSON.stringify(SETTINGS) } },
  ];
  for (const tag of tags) {
    const page = await Page.open({ source: asBuilt, tag });
    assert.equal(page.window.tandem, undefined, JSON.stringify(tag));
    assert.equal(page.window.dataLayer, undefined);
    assert.equal(page.requests.length + page.local.accesses, 0);
  }
});

test("a global of that name that is no function stays as it is", async () => {
  for (const own of [{ id: "tandem" }, { on: () => {} }, "text"]) {
    const page = await Page.open({ before: (window) => (window.tandem = own) });
    assert.equal(page.window.tandem, own);
    await page.push({ event: "search" });
    assert.deepEqual(page.names(), ["Pageview", "Search"]);
  }
});
