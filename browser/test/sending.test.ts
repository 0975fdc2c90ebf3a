import assert from "node:assert/strict";
import { test } from "node:test";
import { NOW, Page, type Answer } from "./support/page.ts";
import { FakeStorage } from "./support/storage.ts";

const failing = (): Error => new Error("no network");
const status = (code: number) => (): Answer => ({ status: code, body: { error: { code: "x", message: "y" } } });

test("a post: plain text, with credentials, outliving the page", async () => {
  const page = await Page.open({ referrer: "https://search.example/", title: "Mugs" });
  const [request] = page.requests;
  assert.equal(request?.url, "https://shop.example/x7k2/a");
  const { body, ...init } = request!.init;
  assert.deepEqual(init, { method: "POST", keepalive: true, credentials: "include", referrerPolicy: "origin" });
  const { visitor, events, ...rest } = JSON.parse(body);
  assert.match(visitor, new RegExp(`^${NOW.toString(36)}[a-z0-9]{20}$`));
  assert.deepEqual(rest, {
    sent_at: NOW,
    page: { url: "https://shop.example/", referrer: "https://search.example/", title: "Mugs" },
    locale: "de-DE",
    cookies: {},
    pixels: {},
    user: {},
  });
  assert.match(events[0].event_id, /^[a-z0-9]{24}$/);
  assert.deepEqual(events, [{ event_name: "Pageview", event_id: events[0].event_id, at: NOW }]);
});

test("the envelope: cookies asked for, automation, global privacy control", async () => {
  const page = await Page.open({
    cookie: "_ttp=abc.tt.1; other=secret; ttclid=E.C.P.x=y; _fbpx=1",
    navigator: { webdriver: true, globalPrivacyControl: true },
  });
  const [post] = page.posts();
  assert.deepEqual(post?.cookies, { _ttp: "abc.tt.1", ttclid: "E.C.P.x=y" });
  assert.equal(post?.automated, true);
  assert.equal(post?.gpc, true);
});

test("events of one task share a body", async () => {
  const page = await Page.open({
    before: (window) => (window.dataLayer = [{ event: "view_item" }, { event: "search" }]),
  });
  assert.deepEqual(
    page.posts().map((post) => post.events.length),
    [3],
  );
  page.window.dataLayer.push({ event: "add_to_cart" });
  page.window.tandem("track", "Lead");
  await page.settle();
  assert.deepEqual(
    page.posts().map((post) => post.events.length),
    [3, 2],
  );
});

test("an event says where it happened only when the body says otherwise", async () => {
  const page = await Page.open();
  page.window.dataLayer.push({ event: "add_to_cart" });
  page.window.history.pushState(null, "", "/checkout");
  await page.settle();
  const post = page.posts().at(-1);
  assert.equal(post?.page.url, "https://shop.example/checkout");
  assert.deepEqual(
    post?.events.map((event) => [event.event_name, event.page?.url]),
    [
      ["AddToCart", "https://shop.example/"],
      ["Pageview", undefined],
    ],
  );
});

test("an event is stored before it is posted, until it is confirmed", async () => {
  const page = new Page();
  let confirm = (_: Answer) => {};
  page.answer = () => new Promise((resolve) => (confirm = resolve));
  await page.runScript();
  assert.equal(page.local.json("tdq").length, 1);
  confirm({ status: 200, body: {} });
  await page.settle();
  assert.equal(page.local.json("tdq"), undefined);
});

test("a refusal is final, trouble is not", async () => {
  for (const code of [400, 401, 403, 404, 413, 422]) {
    const page = new Page();
    page.answer = status(code);
    await page.runScript();
    await page.wait(100_000);
    assert.equal(page.posts().length, 1, String(code));
    assert.equal(page.local.json("tdq"), undefined);
  }
  const proxys = (code: number) => () => ({ status: code, body: undefined });
  for (const answer of [status(408), status(429), status(500), status(503), proxys(403), proxys(404), failing]) {
    const page = new Page();
    page.answer = answer;
    await page.runScript();
    assert.equal(page.local.json("tdq").length, 1);
    await page.wait(2_000);
    assert.equal(page.posts().length, 2);
  }
});

test("pauses of 2, 10 and 60 seconds, then every 60; new events wait as well", async () => {
  const page = new Page();
  page.answer = failing;
  await page.runScript();
  const posts = async (ms: number) => (await page.wait(ms), page.posts().length);
  assert.equal(await posts(1_999), 1);
  assert.equal(await posts(1), 2);
  assert.equal(await posts(9_999), 2);
  await page.tandem("track", "Lead");
  assert.equal(await posts(0), 2);
  assert.equal(await posts(1), 3);
  assert.equal(page.posts().at(-1)?.events.length, 2);
  assert.equal(await posts(59_999), 3);
  assert.equal(await posts(1), 4);
  assert.equal(await posts(60_000), 5);
  page.answer = () => ({ status: 200, body: {} });
  assert.equal(await posts(60_000), 6);
  assert.equal(page.local.json("tdq"), undefined);
  // The next failure begins with the short pause.
  page.answer = failing;
  await page.tandem("track", "Lead");
  assert.equal(await posts(2_000), 8);
});

test("being online again does not wait", async () => {
  const page = new Page();
  page.answer = failing;
  await page.runScript();
  page.answer = () => ({ status: 200, body: {} });
  await page.fire("window", "online");
  assert.equal(page.posts().length, 2);
  assert.equal(page.local.json("tdq"), undefined);
  await page.wait(100_000);
  assert.equal(page.posts().length, 2);
});

test("one post at a time; what comes meanwhile goes with the next", async () => {
  const page = new Page();
  let confirm = (_: Answer) => {};
  page.answer = () => new Promise((resolve) => (confirm = resolve));
  await page.runScript();
  await page.tandem("track", "Lead");
  await page.tandem("track", "Search");
  assert.equal(page.posts().length, 1);
  confirm({ status: 200, body: {} });
  await page.settle();
  assert.deepEqual(
    page.posts().map((post) => post.events.length),
    [1, 2],
  );
});

test("a large queue goes out in several posts", async () => {
  const page = await Page.open();
  const items = Array.from({ length: 50 }, (_, i) => ({ item_id: i, item_name: "x".repeat(140) }));
  const entries = Array.from({ length: 10 }, () => ({ event: "view_item", ecommerce: { items } }));
  await page.push(...entries);
  const posts = page.posts().slice(1);
  assert(posts.length > 2);
  assert.equal(page.others().length, 10);
  for (const request of page.requests) assert(new Blob([request.init.body]).size < 64 * 1024);
});

test("leaving: everything unconfirmed is handed to the browser once, and stays stored", async () => {
  for (const leave of [
    (page: Page) => page.leave(),
    (page: Page) => ((page.document.hidden = true), page.fire("document", "visibilitychange")),
  ]) {
    const page = new Page();
    page.answer = failing;
    await page.runScript();
    await page.tandem("track", "Lead");
    await leave(page);
    await leave(page);
    const bodies = await page.beaconBodies();
    assert.deepEqual(
      bodies.map((body) => body.events.map((event) => event.event_name)),
      [["Pageview", "Lead"]],
    );
    const [beacon] = page.beacons;
    assert.equal(beacon?.url, "https://shop.example/x7k2/a");
    assert.equal(beacon?.init.body.type, "text/plain;charset=utf-8");
    assert.equal(page.local.json("tdq").length, 2);
    await page.tandem("track", "Search");
    await leave(page);
    assert.deepEqual(
      (await page.beaconBodies())[1]?.events.map((event) => event.event_name),
      ["Search"],
    );
  }
});

test("an event of the last moment", async () => {
  const page = await Page.open();
  page.window.dataLayer.push({ event: "add_to_cart" });
  await page.leave();
  const ids = (await page.beaconBodies()).flatMap((body) => body.events.map((event) => event.event_id));
  assert.equal(ids.length, 1);
  // The post that was due goes out as well: the same id, which the gateway counts once.
  assert.equal(page.others()[0]?.event_id, ids[0]);
});

test("leaving with nothing to say says nothing; coming back neither", async () => {
  const page = await Page.open();
  await page.leave();
  page.document.hidden = false;
  await page.fire("document", "visibilitychange");
  await page.fire("window", "pageshow", { persisted: true });
  assert.equal(page.beacons.length, 0);
  assert.equal(page.posts().length, 1);
});

test("a browser that takes no more, or has no such thing", async () => {
  const page = new Page();
  page.answer = failing;
  await page.runScript();
  page.acceptsBeacons = false;
  await page.leave();
  assert.equal(page.local.json("tdq").length, 1);
  page.acceptsBeacons = true;
  await page.leave();
  assert.equal(page.beacons.length, 1);
  page.window.navigator.sendBeacon = undefined;
  await page.tandem("track", "Lead");
  await page.leave();
  assert.deepEqual(page.errors, []);
});

test("a later page sends what was left, with its own page and time", async () => {
  const local = new FakeStorage();
  const page = new Page({ local, url: "https://shop.example/product", cookie: "tdv=visitor0000000000000000000" });
  page.answer = failing;
  await page.runScript();
  const [left] = page.events();
  const later = await Page.open({
    local,
    url: "https://shop.example/cart",
    now: NOW + 5_000,
    cookie: "tdv=visitor0000000000000000000",
  });
  const [post] = later.posts();
  assert.equal(post?.sent_at, NOW + 5_000);
  assert.equal(post?.visitor, "visitor0000000000000000000");
  assert.deepEqual(
    post?.events.map(({ event_id, at, page }) => [event_id, at, page?.url]),
    [
      [left?.event_id, NOW, "https://shop.example/product"],
      [post?.events[1]?.event_id, NOW + 5_000, undefined],
    ],
  );
  assert.equal(local.json("tdq"), undefined);
});

test("no storage at all: events are sent all the same", async () => {
  const local = new FakeStorage();
  const session = new FakeStorage();
  local.isForbidden = session.isForbidden = true;
  const page = await Page.open({ local, session });
  await page.tandem("identify", { email: "ada@example.com" });
  await page.tandem("track", "Purchase", { order_id: 1 });
  await page.tandem("track", "Purchase", { order_id: 1 });
  assert.deepEqual(page.names(), ["Pageview", "Purchase"]);
  assert.equal(new Set(page.posts().map((post) => post.visitor)).size, 1);
});

test("half an emoji does not spoil the body", async () => {
  const page = await Page.open({ title: "x".repeat(199) + "😀" });
  await page.push({ event: "search", search_term: "\ud83d \\ud83d \\\\ud83d 😀" });
  for (const request of page.requests) assert.doesNotMatch(request.init.body, /[^\\]\\ud[89a-f]/);
  assert.equal(page.others()[0]?.search_string, "\ufffd \\ud83d \\\\ud83d 😀");
});

test("a purchase counts once in this browser, by whichever way it is reported", async () => {
  const local = new FakeStorage();
  const purchase = { event: "purchase", ecommerce: { transaction_id: "891", value: 5 } };
  const page = await Page.open({ local });
  await page.push(purchase);
  await page.push({ ecommerce: { purchase: { actionField: { id: 891 }, products: [] } } });
  await page.tandem("track", "Purchase", { order_id: 891 });
  const again = await Page.open({ local });
  await again.push(purchase);
  assert.deepEqual([...page.names(), ...again.names()], ["Pageview", "Purchase", "Pageview"]);
  await again.push({ event: "purchase", ecommerce: { transaction_id: "892" } });
  assert.equal(again.others().length, 1);
});

test("what goes on the wire is the page's own fields, cleaned", async () => {
  const page = await Page.open();
  await page.tandem(
    "track",
    "MyEvent",
    {
      value: "12,50",
      contents: [{ content_id: 1 }],
      content_type: "product_group",
      search_term: "mug",
      description: "A mug",
      coupon: "SAVE",
      vip: true,
      steps: 3,
      note: "mail ada@example.com",
      customer_email: "x",
      phone: "0151",
      nested: { a: 1 },
      list: [1],
      nothing: null,
      infinite: Infinity,
      "a b": 1,
    },
    { event_id: " quiz-7 " },
  );
  const [{ at, ...event }] = page.others() as [any];
  assert.deepEqual(event, {
    event_name: "MyEvent",
    event_id: "quiz-7",
    value: 12.5,
    currency: "EUR",
    content_type: "product_group",
    contents: [{ content_id: "1", quantity: 1 }],
    search_string: "mug",
    properties: { description: "A mug", coupon: "SAVE", vip: true, steps: 3 },
  });
});

test("TikTok's words in the page's own call", async () => {
  const page = await Page.open();
  await page.tandem("track", "AddToCart", { content_id: "a", price: 4, quantity: 2, currency: "USD" });
  await page.tandem("track", "Search", { query: "mug", content_ids: ["a", 2] });
  const [cart, search] = page.others();
  assert.deepEqual([cart?.value, cart?.contents[0].content_id], [8, "a"]);
  assert.deepEqual([search?.search_string, search?.contents.length], ["mug", 2]);
});
