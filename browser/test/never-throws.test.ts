import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, PIXEL_SCRIPT } from "./support/page.ts";

const rejections: unknown[] = [];
process.on("unhandledRejection", (reason) => rejections.push(reason));

/** The same numbers in every run (mulberry32). */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const KEYS = (
  "event ecommerce items user_data value currency transaction_id order_id contents content_id purchase detail add " +
  "checkout products actionField id price quantity email phone address country advertising event_id search_term " +
  "query 0 1 2 length constructor toJSON toString"
).split(" ");

const WORDS = (
  "event set track identify consent page purchase add_to_cart view_item page_view user_data granted denied Purchase " +
  "MyEvent ada@example.com +4915123456789 1,234.50 NaN EUR __proto__ constructor"
).split(" ");

/** Anything a page may hand over, by its own fault or by somebody's intention. */
function junk(next: () => number, depth = 0): any {
  const one = <T>(list: T[]): T => list[Math.floor(next() * list.length)] as T;
  const throwing = () => {
    throw new Error("the page's own");
  };
  const scalars = [
    () => undefined,
    () => null,
    () => true,
    () => one([0, -1, 0.1, NaN, Infinity, 1e308, 2 ** 53]),
    () => one(WORDS),
    () => one(WORDS).repeat(Math.floor(next() * 50)),
    () => "\ud83d" + String.fromCharCode(next() * 65536),
    () => 10n,
    () => Symbol("x"),
    () => throwing,
    () => new Date(NaN),
    () => new Proxy({}, { get: throwing, has: throwing, ownKeys: throwing }),
    () => Object.defineProperty({}, one(KEYS), { get: throwing, enumerable: true }),
    () => Object.create(null),
    () => ({ toString: throwing, valueOf: throwing, toJSON: throwing }),
    () => new Map([[one(KEYS), 1]]),
  ];
  if (depth > 3 || next() < 0.4) return one(scalars)();
  if (next() < 0.3) return Array.from({ length: next() * 5 }, () => junk(next, depth + 1));
  const object: any = {};
  for (let i = next() * 6; i > 0; i--) {
    object[one(KEYS)] = next() < 0.4 ? one(WORDS) : junk(next, depth + 1);
  }
  if (next() < 0.1) object.items = object.ecommerce = object;
  return object;
}

/** An entry that gets past the first look. */
function entry(next: () => number): any {
  const event = WORDS[6 + Math.floor(next() * 4)];
  const inner = {
    items: junk(next),
    value: junk(next),
    transaction_id: junk(next),
    purchase: junk(next),
    add: junk(next),
  };
  if (next() < 0.3) return ["event", event, inner];
  return { event, ecommerce: next() < 0.5 ? inner : junk(next), user_data: junk(next), currency: junk(next) };
}

async function assertCalm(page: Page): Promise<void> {
  await page.settle();
  assert.deepEqual(page.errors, []);
  assert.deepEqual(rejections, []);
  // Every body is JSON that says who and what.
  for (const post of page.posts()) {
    assert.match(post.visitor, /^[a-z0-9]{28}$/);
    for (const event of post.events) {
      assert.match(event.event_name, /^[A-Za-z][\w-]{0,49}$/);
      assert.equal(typeof event.event_id, "string");
    }
  }
}

const SITE = { forms: true, pixels: [{ platform: "tiktok", id: "C4ABC", script: PIXEL_SCRIPT }] };

test("rubbish in the data layer", async () => {
  const next = random(1);
  const before = (window: any) => (window.dataLayer = Array.from({ length: 300 }, () => junk(next)));
  const page = await Page.open({ settings: SITE, before });
  for (let i = 0; i < 3000; i++) {
    page.window.dataLayer.push(...Array.from({ length: next() * 3 }, () => (next() < 0.3 ? entry(next) : junk(next))));
    if (i % 300 === 0) await page.settle();
  }
  await assertCalm(page);
  assert(page.names().length > 100);
});

test("rubbish in the page's own calls", async () => {
  const next = random(2);
  const stub = Array.from({ length: 300 }, () =>
    next() < 0.5 ? junk(next) : Array.from({ length: next() * 5 }, () => junk(next)),
  );
  const before = (window: any) => (window.tandem = Object.assign(() => {}, { q: stub }));
  const page = await Page.open({ settings: SITE, before });
  for (let i = 0; i < 3000; i++) {
    const command = next() < 0.8 ? WORDS[2 + Math.floor(next() * 4)] : junk(next);
    const args = Array.from({ length: next() * 4 }, () => junk(next));
    if (next() < 0.5) page.window.tandem(command, ...args);
    else page.window.tandem(command, WORDS[Math.floor(next() * WORDS.length)], ...args);
    if (i % 300 === 0) await page.settle();
  }
  await page.tandem("consent", "granted");
  await assertCalm(page);
  assert(page.posts().length > 5);
});

test("rubbish in storage, cookies and settings of the browser", async () => {
  const next = random(3);
  for (let i = 0; i < 200; i++) {
    const page = new Page({ cookie: String(JSON.stringify(junk(() => next() * 0.39)) ?? "") });
    for (const key of ["tdq", "tdv", "tdo", "tdu"]) {
      const value =
        next() < 0.5 ? '[{"event_name":5,"at":1e99},{"page":7,"at":1e99},3]' : '{"email":5,"phone":{"0":1}}';
      page.local.values.set(key, value);
      page.session.values.set(key, value);
    }
    await page.runScript({ settings: SITE });
    await page.tandem("track", "Lead");
    await page.leave();
    assert.deepEqual(page.errors, []);
    assert.deepEqual(rejections, []);
    assert(page.names().includes("Lead"), "run " + i);
  }
});

test("a browser without the newer things", async () => {
  for (const missing of [
    "fetch",
    "localStorage",
    "sessionStorage",
    "performance",
    "Blob",
    "TextEncoder",
    "crypto",
    "history",
  ]) {
    const page = new Page();
    page.window[missing] = undefined;
    await page.runScript({ settings: SITE });
    await page.tandem("identify", { email: "ada@example.com" });
    await page.tandem("track", "Lead");
    await page.leave();
    assert.deepEqual(page.errors, [], missing);
    assert.deepEqual(rejections, [], missing);
  }
});
