import assert from "node:assert/strict";
import { test } from "node:test";
import { readLines, total } from "../src/events/contents.ts";
import { amount, round } from "../src/events/money.ts";

test("amounts as numbers", () => {
  assert.equal(amount(12.5), 12.5);
  assert.equal(amount(0), 0);
  assert.equal(amount(1e15), undefined);
  for (const bad of [-1, NaN, Infinity, -Infinity]) assert.equal(amount(bad), undefined);
});

const TEXTS: [string, number | undefined][] = [
  ["12.5", 12.5],
  ["12,50", 12.5],
  ["1,234.50", 1234.5],
  ["1.234,50", 1234.5],
  ["1,234,567.89", 1234567.89],
  ["1.234.567,89", 1234567.89],
  ["1,234", 1234],
  ["1,234,567", 1234567],
  ["12,345", 12345],
  ["0,125", 0.125],
  ["1234,567", 1234.567],
  ["22.875", 22.875],
  ["1.234", 1.234],
  ["1 234,50", 1234.5],
  ["1\u00a0234,50\u00a0€", 1234.5],
  ["1\u202f234,50", 1234.5],
  ["1'234.50", 1234.5],
  ["1’234.50", 1234.5],
  ["$89.99", 89.99],
  ["89,99 €", 89.99],
  ["EUR 5", 5],
  ["5 CHF", 5],
  ["£1,000", 1000],
  ["89,99 kr", 89.99],
  ["89,99 kr.", 89.99],
  ["89.99 zł", 89.99],
  ["1,234.50 lei", 1234.5],
  ["Rs. 500", 500],
  ["лв. 12,50", 12.5],
  ["100 د.إ", 100],
  ["฿ 1,000 บาท", 1000],
  ["0", 0],
  ["0.00", 0],
  [" 7 ", 7],
  [".5", 0.5],
  [",5", 0.5],
  ["5.", 5],
  ["", undefined],
  ["  ", undefined],
  ["free", undefined],
  ["null", undefined],
  ["NaN", undefined],
  ["-5", undefined],
  ["5-10", undefined],
  ["1.2.3", undefined],
  ["Infinity", undefined],
  ["12,34,56.78.9", undefined],
];

for (const [text, expected] of TEXTS) {
  test(`amount of ${JSON.stringify(text)}`, () => assert.equal(amount(text), expected));
}

test("other types are no amounts", () => {
  for (const bad of [undefined, null, true, {}, [], [5], () => 5, Symbol("5"), 5n])
    assert.equal(amount(bad), undefined);
});

test("a long text costs nothing", () => {
  assert.equal(amount("1".repeat(5_000_000)), undefined);
  assert.equal(amount("1,".repeat(1_000_000) + "x"), undefined);
});

test("sums carry no noise", () => {
  assert.equal(round(0.1 + 0.2), 0.3);
  assert.equal(round(1.0000005), 1.000001);
  assert.equal(
    total(
      readLines([
        { id: 1, price: 0.1 },
        { id: 2, price: 0.2 },
      ]),
    ),
    0.3,
  );
  assert.equal(total(readLines([{ id: 1, price: 19.99, quantity: 3 }])), 59.97);
});

test("without every price there is no total", () => {
  assert.equal(total([]), undefined);
  assert.equal(total(readLines([{ id: 1, price: 5 }, { id: 2 }])), undefined);
  assert.equal(total(readLines([{ id: 1, price: 0 }])), 0);
});
