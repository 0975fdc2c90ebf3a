import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, type Options } from "./support/page.ts";

const ITEM = { item_id: "SKU-1", item_name: "Mug", price: 9.5, quantity: 2 };
const LINE = { content_id: "SKU-1", content_name: "Mug", price: 9.5, quantity: 2 };

/** The events that entries make, without what every event has. */
async function read(entries: unknown[], options?: Options): Promise<any[]> {
  const page = await Page.open(options);
  await page.push(...entries);
  return page.others().map(({ at, page: _, ...event }) => {
    if (event.event_name !== "Purchase" || !event.order_id) {
      assert.match(event.event_id, /^[a-z0-9]{24}$/);
      delete event.event_id;
    }
    return event;
  });
}

/** What `gtag(…)` pushes. */
function gtag(..._: unknown[]): unknown {
  return arguments;
}

const CART = {
  event_name: "AddToCart",
  value: 19,
  currency: "USD",
  content_type: "product",
  contents: [LINE],
};

test("GA4 with ecommerce", async () => {
  assert.deepEqual(await read([{ event: "add_to_cart", ecommerce: { currency: "usd", value: 19, items: [ITEM] } }]), [
    CART,
  ]);
});

test("GA4 with the parameters at the top", async () => {
  assert.deepEqual(await read([{ event: "add_to_cart", currency: "USD", value: "19.00", items: [ITEM] }]), [CART]);
});

test("gtag's arguments", async () => {
  assert.deepEqual(await read([gtag("event", "add_to_cart", { currency: "USD", value: 19, items: [ITEM] })]), [CART]);
  assert.deepEqual(await read([["event", "add_to_cart", { currency: "USD", value: 19, items: [ITEM] }]]), [CART]);
});

test("other gtag commands say nothing", async () => {
  const others = [
    gtag("js", new Date()),
    gtag("config", "G-1"),
    gtag("consent", "update", {}),
    gtag("event"),
    gtag("event", "conversion", {}),
  ];
  assert.deepEqual(await read(others), []);
});

test("a purchase has the order's id as text, and the id made of it", async () => {
  const ecommerce = { transaction_id: 891, value: 89.99, currency: "EUR", items: [ITEM] };
  const [event] = await read([{ event: "purchase", ecommerce }]);
  assert.deepEqual(event, {
    event_name: "Purchase",
    event_id: "wc_order_891",
    order_id: "891",
    value: 89.99,
    currency: "EUR",
    content_type: "product",
    contents: [LINE],
  });
});

test("leading zeros of an order's number stay", async () => {
  const [event] = await read([{ event: "purchase", transaction_id: "000123" }], {
    settings: { purchase_event_id: "order-{number}" },
  });
  assert.equal(event.order_id, "000123");
  assert.equal(event.event_id, "order-000123");
});

test("a purchase without an order has a random id", async () => {
  const [event] = await read([{ event: "purchase", ecommerce: { value: 5 } }]);
  assert.deepEqual(event, { event_name: "Purchase", value: 5, currency: "EUR" });
});

test("currency: the event's, then ecommerce's, then the site's, and none without a value", async () => {
  const ecommerce = { currency: "USD", value: 1 };
  const events = await read([
    { event: "view_item", currency: "GBP", ecommerce },
    { event: "view_item", ecommerce },
    { event: "view_item", ecommerce: { value: 1 } },
    { event: "view_item", ecommerce: {} },
    { event: "view_item", ecommerce: { value: 1, currency: "Euro" } },
  ]);
  assert.deepEqual(
    events.map((event) => event.currency),
    ["GBP", "USD", "EUR", undefined, "EURO"],
  );
  const [event] = await read([{ event: "view_item", value: 1 }], { settings: { currency: null } });
  assert.equal(event.currency, undefined);
});

test("a missing value is the sum of the lines", async () => {
  const items = [
    { item_id: "a", price: 0.1 },
    { item_id: "b", price: "0,20", quantity: 2 },
  ];
  const events = await read([
    { event: "begin_checkout", ecommerce: { items } },
    { event: "begin_checkout", ecommerce: { items, value: 0 } },
    { event: "begin_checkout", ecommerce: { items, value: "" } },
    { event: "begin_checkout", ecommerce: { items: [{ item_id: "a" }] } },
  ]);
  assert.deepEqual(
    events.map((event) => event.value),
    [0.5, 0, 0.5, undefined],
  );
});

test("no total of some of the lines", async () => {
  const line = (item_id: unknown) => ({ item_id, price: 1 });
  const many = Array.from({ length: 51 }, (_, id) => line(id));
  const events = await read([
    { event: "begin_checkout", ecommerce: { items: many } },
    { event: "begin_checkout", ecommerce: { items: [line("a"), line("ada@example.com")] } },
    { event: "begin_checkout", ecommerce: { items: many.slice(1) } },
  ]);
  assert.deepEqual(
    events.map((event) => event.value),
    [undefined, undefined, 50],
  );
});

test("a search", async () => {
  assert.deepEqual(await read([{ event: "search", search_term: " blue mug " }]), [
    { event_name: "Search", search_string: "blue mug" },
  ]);
  assert.deepEqual(await read([{ event: "search", search_term: "ada@example.com" }]), [{ event_name: "Search" }]);
});

test("the older kind: detail, add, checkout, purchase", async () => {
  const products = [{ id: "P1", name: "Tee", price: "15.25", quantity: 2 }];
  const contents = [{ content_id: "P1", content_name: "Tee", price: 15.25, quantity: 2 }];
  const common = { value: 30.5, currency: "EUR", content_type: "product", contents };
  const events = await read([
    {
      ecommerce: {
        currencyCode: "EUR",
        detail: { actionField: { list: "x" }, products },
        impressions: [{ id: "other" }],
      },
    },
    { event: "addToCart", ecommerce: { currencyCode: "EUR", add: { products } } },
    { event: "checkout", ecommerce: { currencyCode: "EUR", checkout: { actionField: { step: 1 }, products } } },
    { event: "checkout", ecommerce: { currencyCode: "EUR", checkout: { products } } },
    {
      event: "eec.purchase",
      ecommerce: { currencyCode: "USD", purchase: { actionField: { id: "T1", revenue: "35.43", tax: "4" }, products } },
    },
  ]);
  assert.deepEqual(events, [
    { event_name: "ViewContent", ...common },
    { event_name: "AddToCart", ...common },
    { event_name: "InitiateCheckout", ...common },
    { event_name: "InitiateCheckout", ...common },
    { event_name: "Purchase", event_id: "wc_order_T1", order_id: "T1", ...common, value: 35.43, currency: "USD" },
  ]);
});

test("the older kind's other steps are no events", async () => {
  const products = [{ id: "P1" }];
  const events = await read([
    { event: "checkout", ecommerce: { checkout: { actionField: { step: 2 }, products } } },
    { event: "checkout", ecommerce: { checkout: { actionField: { step: "3" }, products } } },
    { event: "checkoutOption", ecommerce: { checkout_option: { actionField: { step: 1 } } } },
    { event: "removeFromCart", ecommerce: { remove: { products } } },
    { ecommerce: { impressions: products } },
    { ecommerce: { promoView: { promotions: [] } } },
    { ecommerce: { click: { products } } },
    { event: "remove_from_cart", ecommerce: { add: { products } } },
    { event: "refund", ecommerce: { purchase: { actionField: { id: "T1" } } } },
  ]);
  assert.deepEqual(events, []);
});

test("GA4's name with the older kind's data", async () => {
  const purchase = { actionField: { id: "T2", revenue: 10 }, products: [{ id: "P1", price: 10 }] };
  const [event] = await read([{ event: "purchase", ecommerce: { currencyCode: "EUR", purchase } }]);
  assert.equal(event.order_id, "T2");
  assert.equal(event.value, 10);
  assert.equal(event.contents[0].content_id, "P1");
});

test("products first, the event in the next entry", async () => {
  const events = await read([
    { ecommerce: { currency: "USD", value: 3, items: [ITEM] } },
    { event: "gtm.dom" },
    { event: "view_item" },
    { event: "sign_up" },
  ]);
  assert.deepEqual(
    events.map(({ event_name, value }) => [event_name, value]),
    [
      ["ViewContent", 3],
      ["CompleteRegistration", undefined],
    ],
  );
});

test("ecommerce: null forgets what came before", async () => {
  const events = await read([{ ecommerce: { value: 3 } }, { ecommerce: null }, { event: "view_item" }]);
  assert.deepEqual(events, [{ event_name: "ViewContent" }]);
  const others = await read([{ ecommerce: { value: 3 } }, { event: "view_item", ecommerce: null }]);
  assert.deepEqual(others, [{ event_name: "ViewContent" }]);
});

test("fields of a data layer that nobody asked for stay in the page", async () => {
  const [event] = await read([
    { event: "sign_up", user_id: "77", customerEmail: "ada@example.com", event_id: "e1", coupon: "X" },
  ]);
  assert.deepEqual(event, { event_name: "CompleteRegistration" });
});
