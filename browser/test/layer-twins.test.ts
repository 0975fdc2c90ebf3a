import assert from "node:assert/strict";
import { test } from "node:test";
import { Page } from "./support/page.ts";

const ITEM = { item_id: "SKU-1", item_name: "Mug", price: 9.5, quantity: 2 };

/** The events that entries make. */
async function read(entries: unknown[]): Promise<unknown[]> {
  const page = await Page.open();
  await page.push(...entries);
  return page.others();
}

/** What `gtag(…)` pushes. */
function gtag(..._: unknown[]): unknown {
  return arguments;
}

test("the same action in two dialects, or to two targets, counts once", async () => {
  const ecommerce = { items: [ITEM] };
  const old = { event: "addToCart", ecommerce: { add: { products: [{ id: "SKU-1" }] } } };
  const to = (send_to: unknown) => gtag("event", "add_to_cart", { send_to, items: [ITEM] });
  for (const entries of [
    [{ event: "add_to_cart", ecommerce }, old],
    [to("G-1"), to("AW-2")],
    [to(undefined), { event: "add_to_cart", ecommerce }, old],
  ]) {
    assert.equal((await read(entries)).length, 1);
    assert.equal((await read([...entries, ...entries])).length, 2);
  }
  const other = { event: "add_to_cart", ecommerce: { items: [{ item_id: "SKU-2" }] } };
  assert.equal((await read([old, other])).length, 2);
  assert.equal((await read([old, { event: "view_item", ecommerce }])).length, 2);
});

test("a second later it is another action", async () => {
  const page = await Page.open();
  await page.push({ event: "add_to_cart", ecommerce: { items: [ITEM] } });
  page.now += 1_000;
  await page.push(gtag("event", "add_to_cart", { items: [ITEM] }));
  assert.equal(page.others().length, 2);
});
