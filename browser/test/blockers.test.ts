import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, PIXEL_SCRIPT, SRC } from "./support/page.ts";

const settings = { respect_blockers: true, pixels: [{ platform: "tiktok", id: "C4ABC", script: PIXEL_SCRIPT }] };

test("the bait comes first, without credentials; when it gets through, everything follows", async () => {
  const page = new Page();
  let release = (_: any) => {};
  page.answer = ({ url }) =>
    url.includes("pixel.gif") ? new Promise((resolve) => (release = resolve)) : { status: 200, body: {} };
  await page.runScript({ settings });
  await page.tandem("track", "Lead");
  assert.deepEqual(
    page.requests.map(({ url }) => url),
    ["https://shop.example/x7k2/pixel.gif?ad=1"],
  );
  assert.deepEqual({ ...page.requests[0]?.init }, { mode: "no-cors", credentials: "omit", referrerPolicy: "origin" });
  assert.equal(page.tags.length + page.local.accesses, 0);
  release({ status: 204 });
  await page.settle();
  assert.deepEqual(page.names(), ["Pageview", "Lead"]);
  assert.equal(page.tags.length, 1);
});

test("when it alone is blocked, the script stands back for good", async () => {
  const page = new Page({ cookie: "tdv=mg3k2v1x9abcdefghij0123456789" });
  page.answer = ({ url }) => (url.includes("pixel.gif") ? new Error("blocked") : { status: 200 });
  await page.runScript({ settings });
  page.answer = () => ({ status: 200, body: {} });
  await page.tandem("track", "Lead");
  await page.tandem("identify", { email: "ada@example.com" });
  await page.tandem("consent", "granted");
  await page.tandem("consent", "denied");
  await page.push({ event: "add_to_cart" });
  await page.go("pushState", "/next");
  await page.leave();
  await page.fire("window", "online");
  assert.deepEqual(
    page.requests.map(({ url, init }) => [url, init.method, init.cache]),
    [
      ["https://shop.example/x7k2/pixel.gif?ad=1", undefined, undefined],
      [SRC, "HEAD", "no-store"],
    ],
  );
  assert.equal(page.tags.length + page.beacons.length + page.local.accesses + page.session.accesses, 0);
});

test("a denial before the answer", async () => {
  const page = new Page();
  let release = (_: any) => {};
  page.answer = () => new Promise((resolve) => (release = resolve));
  await page.runScript({ settings });
  await page.tandem("consent", "denied");
  release({ status: 204 });
  await page.settle();
  assert.equal(page.requests.length, 1);
  assert.equal(page.tags.length, 0);
});

test("without a network nobody knows: events wait in memory, and the next one asks again", async () => {
  const page = new Page();
  page.answer = () => new Error("no network");
  await page.runScript({ settings });
  await page.tandem("track", "Lead");
  await page.leave();
  assert.equal(page.tags.length + page.beacons.length + page.local.accesses + page.posts().length, 0);
  page.answer = () => ({ status: 200, body: {} });
  await page.tandem("track", "Search");
  assert.deepEqual(page.names(), ["Pageview", "Lead", "Search"]);
  assert.equal(page.tags.length, 1);
});

test("being online again asks again", async () => {
  const page = new Page();
  page.answer = () => new Error("no network");
  await page.runScript({ settings });
  page.answer = () => ({ status: 200, body: {} });
  await page.fire("window", "online");
  assert.deepEqual(page.names(), ["Pageview"]);
});
