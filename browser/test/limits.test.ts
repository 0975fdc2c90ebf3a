import assert from "node:assert/strict";
import { test } from "node:test";
import { NOW, Page } from "./support/page.ts";
import { FakeStorage } from "./support/storage.ts";

test("a purchase that is refused for good was not reported", async () => {
  const page = new Page();
  page.answer = () => ({ status: 403, body: { error: { code: "origin_not_allowed" } } });
  await page.runScript();
  await page.tandem("track", "Purchase", { order_id: 1 });
  page.answer = () => ({ status: 200, body: {} });
  await page.tandem("track", "Purchase", { order_id: 1 });
  await page.tandem("track", "Purchase", { order_id: 1 });
  assert.deepEqual(page.names(), ["Pageview", "Purchase", "Purchase"]);
});

test("events as large as they can be: each body can outlive the page, and none blocks the queue", async () => {
  const page = await Page.open();
  const text = "茶".repeat(150);
  const item = { content_name: text, content_category: text, brand: text, item_id: text, price: 1 };
  const items = Array.from({ length: 50 }, () => item);
  const texts = Object.fromEntries(Array.from({ length: 20 }, (_, i) => ["p" + i, text + text]));
  await page.tandem("track", "Lead", { items, ...texts });
  await page.tandem("track", "Search");
  const [lead, search] = page.others();
  assert.equal(search?.event_name, "Search");
  assert(lead?.contents.length > 0 && lead?.contents.length < 50);
  assert.equal(lead?.value, 50);
  for (const { init } of page.requests) {
    assert(new Blob([init.body]).size < 60_000);
    assert.equal(init.keepalive, true);
  }
});

test("a body too large to outlive the page is sent without that; one that nobody takes is not sent", async () => {
  const local = new FakeStorage();
  const stored = (id: string, size: number) => ({
    event_name: "Lead",
    event_id: id,
    at: NOW,
    page: { url: "", referrer: "", title: "" },
    properties: { text: "x".repeat(size) },
  });
  local.values.set("tdq", JSON.stringify([stored("large", 61_000), stored("too-large", 90_000), stored("small", 9)]));
  const page = await Page.open({ local });
  assert.deepEqual(
    page.requests.map(({ init }) => init.keepalive),
    [false, true],
  );
  assert.deepEqual(
    page.others().map((event) => event.event_id),
    ["large", "small"],
  );
});

test("a post that never ends is given up after a while", async () => {
  const page = new Page({ before: (window) => (window.AbortController = AbortController) });
  page.answer = ({ init }) =>
    new Promise((_, fail) => init.signal.addEventListener("abort", () => fail(new Error("aborted"))));
  await page.runScript();
  await page.wait(14_999);
  assert.equal(page.posts().length, 1);
  await page.wait(1);
  await page.wait(2_000);
  assert.equal(page.posts().length, 2);
});
