import assert from "node:assert/strict";
import { test } from "node:test";
import { products, readLines } from "../src/events/contents.ts";

const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

test("GA4's items", () => {
  const items = [
    {
      item_id: "SKU-1",
      item_name: "Mug",
      item_brand: "Acme",
      item_category: "Cups",
      price: 9.5,
      quantity: 2,
      index: 0,
    },
  ];
  assert.deepEqual(plain(readLines(items)), [
    { content_id: "SKU-1", content_name: "Mug", brand: "Acme", content_category: "Cups", price: 9.5, quantity: 2 },
  ]);
});

test("its predecessor's products", () => {
  const products = [
    { id: "P1", name: "Tee", brand: "B", category: "Apparel/T", variant: "red", price: "15,25", quantity: "2" },
  ];
  assert.deepEqual(plain(readLines(products)), [
    { content_id: "P1", content_name: "Tee", brand: "B", content_category: "Apparel/T", price: 15.25, quantity: 2 },
  ]);
});

test("our own words win", () => {
  const [line] = readLines([{ content_id: "a", item_id: "b", id: "c" }]);
  assert.equal(line?.content_id, "a");
});

test("ids are text, and leading zeros stay", () => {
  const ids = readLines([{ id: 42 }, { item_id: "0042" }, { item_id: 0 }, { item_id: "", id: "x" }]).map(
    (line) => line.content_id,
  );
  assert.deepEqual(ids, ["42", "0042", "0", "x"]);
});

test("bare ids, one item without a list, and nothing", () => {
  assert.deepEqual(plain(readLines(["a", 7])), [
    { content_id: "a", quantity: 1 },
    { content_id: "7", quantity: 1 },
  ]);
  assert.deepEqual(plain(readLines({ id: "a" })), [{ content_id: "a", quantity: 1 }]);
  for (const none of [undefined, null, [], [null], [{}], [{ price: 3 }], "", true])
    assert.deepEqual(readLines(none), []);
});

test("a quantity that is none is one", () => {
  const quantities = [0, -2, "x", null, NaN, 2.5, "3"].map((quantity) => readLines([{ id: 1, quantity }])[0]?.quantity);
  assert.deepEqual(quantities, [1, 1, 1, 1, 1, 2.5, 3]);
});

test("names with a person in them are left out", () => {
  assert.deepEqual(plain(readLines([{ id: "a", name: "Gift for ada@example.com" }])), [
    { content_id: "a", quantity: 1 },
  ]);
});

test("many lines and long names are cut", () => {
  assert.equal(readLines(Array.from({ length: 500 }, (_, id) => ({ id }))).length, 50);
  assert.equal(readLines([{ id: "a", name: "n".repeat(1000) }])[0]?.content_name?.length, 150);
});

test("the first list that is not empty", () => {
  assert.deepEqual(products({ contents: [], items: [{ id: "a" }] }), [{ id: "a" }]);
  assert.deepEqual(products({ contents: "", items: null, content_ids: ["a"] }), ["a"]);
  assert.deepEqual(products({ contents: [{ id: "b" }], items: [{ id: "a" }] }), [{ id: "b" }]);
  assert.equal(products({ items: [] }), undefined);
});
