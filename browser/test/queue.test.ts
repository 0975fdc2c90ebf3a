import assert from "node:assert/strict";
import { test } from "node:test";
import type { TandemEvent } from "../src/events/event.ts";
import { load } from "./support/script.ts";
import { FakeStorage } from "./support/storage.ts";

type Queue = typeof import("../src/sending/queue.ts");
type Orders = typeof import("../src/sending/orders.ts");
type Batch = typeof import("../src/sending/batch.ts");

const event = (id: number | string, more: Partial<TandemEvent> = {}): TandemEvent => ({
  event_name: "AddToCart",
  event_id: String(id),
  at: Date.now(),
  page: { url: "https://shop.example/", referrer: "", title: "" },
  ...more,
});
const ids = (events: TandemEvent[]) => Array.from(events, (one) => one.event_id);
const open = (storage: FakeStorage) => load<Queue>("sending/queue.ts", { window: { localStorage: storage } });

test("what is queued is stored, and removed when it is done", async () => {
  const storage = new FakeStorage();
  const queue = await open(storage);
  queue.enqueue([event(1), event(2), event(3)]);
  queue.dequeue([event(2)]);
  assert.deepEqual(ids(queue.queue), ["1", "3"]);
  assert.deepEqual(ids(storage.json("tdq")), ["1", "3"]);
  queue.dequeue([event(1), event(3)]);
  assert.equal(storage.values.size, 0);
});

test("the same id under another name is another event", async () => {
  const queue = await open(new FakeStorage());
  queue.enqueue([event(1), event(1, { event_name: "Lead" })]);
  queue.dequeue([event(1)]);
  assert.deepEqual(
    Array.from(queue.queue, (one) => one.event_name),
    ["Lead"],
  );
});

test("a later page takes over what is left, before its own", async () => {
  const storage = new FakeStorage();
  (await open(storage)).enqueue([event(1)]);
  const later = await open(storage);
  assert.deepEqual(ids(later.queue), []);
  later.restoreQueue();
  later.enqueue([event(2)]);
  assert.deepEqual(ids(later.queue), ["1", "2"]);
});

test("two tabs do not remove each other's events", async () => {
  const storage = new FakeStorage();
  const one = await open(storage);
  const other = await open(storage);
  one.enqueue([event(1)]);
  other.enqueue([event(2)]);
  assert.deepEqual(ids(one.queue), ["1"]);
  one.dequeue([event(1)]);
  assert.deepEqual(ids(storage.json("tdq")), ["2"]);
});

test("fifty events at most, the oldest go", async () => {
  const storage = new FakeStorage();
  const queue = await open(storage);
  for (let i = 0; i < 60; i++) queue.enqueue([event(i)]);
  assert.equal(queue.queue.length, 50);
  assert.equal(queue.queue[0]?.event_id, "10");
  assert.equal(storage.json("tdq").length, 50);
});

test("after 48 hours an event is of no use", async () => {
  const storage = new FakeStorage();
  const hours = (n: number) => Date.now() - n * 3600_000;
  storage.values.set("tdq", JSON.stringify([event("old", { at: hours(48.01) }), event("young", { at: hours(47.9) })]));
  const queue = await open(storage);
  queue.restoreQueue();
  assert.deepEqual(ids(queue.queue), ["young"]);
});

test("a full storage costs only the storing", async () => {
  const storage = new FakeStorage();
  storage.limit = 10;
  const queue = await open(storage);
  queue.enqueue([event(1), event(2)]);
  assert.deepEqual(ids(queue.queue), ["1", "2"]);
  queue.dequeue([event(1)]);
  assert.deepEqual(ids(queue.queue), ["2"]);
});

test("a forbidden or missing storage", async () => {
  const storage = new FakeStorage();
  storage.isForbidden = true;
  for (const window of [{ localStorage: storage }, {}, { localStorage: null }]) {
    const queue = await load<Queue>("sending/queue.ts", { window });
    queue.restoreQueue();
    queue.enqueue([event(1)]);
    assert.deepEqual(ids(queue.queue), ["1"]);
    queue.clearQueue();
    assert.deepEqual(ids(queue.queue), []);
  }
});

test("rubbish in the storage", async () => {
  for (const rubbish of ["", "{", "null", "5", "{}", '"x"', '[null, 5, {}, [], {"at": 1}]']) {
    const storage = new FakeStorage();
    storage.values.set("tdq", rubbish);
    const queue = await open(storage);
    queue.restoreQueue();
    queue.enqueue([event(1)]);
    assert.deepEqual(ids(queue.queue), ["1"], rubbish);
  }
});

test("a purchase is reported once, twenty are remembered", async () => {
  const storage = new FakeStorage();
  const open = () => load<Orders>("sending/orders.ts", { window: { localStorage: storage } });
  const orders = await open();
  assert.equal(orders.isFirstReport("wc_order_1"), true);
  assert.equal(orders.isFirstReport("wc_order_1"), false);
  assert.equal((await open()).isFirstReport("wc_order_1"), false);
  for (let i = 2; i <= 30; i++) orders.isFirstReport("wc_order_" + i);
  assert.equal(storage.json("tdo").length, 20);
  assert.equal((await open()).isFirstReport("wc_order_30"), false);
  assert.equal((await open()).isFirstReport("wc_order_1"), true);
});

test("a purchase is remembered for the page where storage fails", async () => {
  const orders = await load<Orders>("sending/orders.ts", { window: {} });
  assert.equal(orders.isFirstReport("1"), true);
  assert.equal(orders.isFirstReport("1"), false);
  orders.forgetReports();
  assert.equal(orders.isFirstReport("1"), true);
});

test("a batch fits 64 KiB whatever the script, and is never empty", async () => {
  const { firstBatch } = await load<Batch>("sending/batch.ts");
  const contents = (text: string) => [{ content_id: "1", content_name: text, quantity: 1 }];
  const small = Array.from({ length: 50 }, (_, i) => event(i));
  assert.equal(firstBatch(small).length, 50);
  const large = Array.from({ length: 50 }, (_, i) => event(i, { contents: contents("茶".repeat(3000)) }));
  const batch = firstBatch(large);
  assert(batch.length > 1 && batch.length < 50);
  assert.deepEqual(ids(batch), ids(large.slice(0, batch.length)));
  assert(new Blob([JSON.stringify(batch)]).size < 60 * 1024);
  assert.equal(firstBatch([event(1, { contents: contents("x".repeat(90_000)) }), event(2)]).length, 1);
  assert.equal(firstBatch([]).length, 0);
});

test("a purchase is never pushed out by newer events", async () => {
  const storage = new FakeStorage();
  const queue = await open(storage);
  queue.enqueue([event("order", { event_name: "Purchase" })]);
  for (let i = 0; i < 60; i++) queue.enqueue([event(i)]);
  assert.deepEqual(ids(queue.queue).slice(0, 2), ["order", "11"]);
  assert.deepEqual([queue.queue.length, storage.json("tdq").length], [50, 50]);
  for (let i = 0; i < 60; i++) queue.enqueue([event("o" + i, { event_name: "Purchase" })]);
  assert.equal(queue.queue.length, 61);
  const { firstBatch } = await load<Batch>("sending/batch.ts");
  assert.equal(firstBatch(queue.queue).length, 50);
});
