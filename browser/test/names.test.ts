import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromGa4, isLeftOut, resolveName } from "../src/events/names.ts";
import rows from "./data/event-names.json";
import { Page } from "./support/page.ts";

describe("every row of the table", () => {
  for (const { ga4, tiktok } of rows) {
    test(`${ga4} is ${tiktok ?? "not sent"}`, () => {
      assert.equal(fromGa4(ga4), tiktok ?? undefined);
      assert.equal(isLeftOut(ga4), tiktok === null);
      assert.equal(resolveName(ga4), tiktok ?? undefined);
    });
  }
});

test("every row, through the page's own call and through the data layer", async () => {
  const page = await Page.open();
  for (const { ga4 } of rows) await page.tandem("track", ga4, { order_id: "1" });
  for (const { ga4 } of rows) await page.push({ event: ga4, transaction_id: "2" });
  const sent = rows.map((row) => row.tiktok).filter((name) => name !== null);
  // The page's own page view is the one that the script has counted.
  const others = sent.filter((name) => name !== "Pageview");
  const expected = ["Pageview", ...others, ...others];
  assert.deepEqual(page.names(), expected);
});

test("standard names stay, in today's spelling", () => {
  for (const name of "AddToCart Pageview PlaceAnOrder ClickButton ApplicationApproval CompleteRegistration".split(
    " ",
  )) {
    assert.equal(resolveName(name), name);
    assert.equal(resolveName(name.toUpperCase()), name);
  }
  assert.equal(resolveName("PageView"), "Pageview");
  assert.equal(resolveName("purchase"), "Purchase");
  assert.equal(resolveName("CompletePayment"), "Purchase");
  assert.equal(resolveName("completepayment"), "Purchase");
  assert.equal(resolveName("SubmitForm"), "Lead");
});

test("names of the page's own pass when platforms take them", () => {
  for (const name of ["MyEvent", "a", "quiz-step_2", "x".repeat(50)]) assert.equal(resolveName(name), name);
  for (const name of ["", " MyEvent", "2nd", "_x", "my event", "größe", "x".repeat(51), "a.b"]) {
    assert.equal(resolveName(name), undefined, name);
  }
});

test("names from an object's prototype are no names of ours", () => {
  for (const name of ["constructor", "toString", "hasOwnProperty"]) {
    assert.equal(fromGa4(name), undefined);
    assert.equal(resolveName(name), name);
  }
  assert.equal(fromGa4("__proto__"), undefined);
  assert.equal(resolveName("__proto__"), undefined);
});

test("what is no text has no name", () => {
  for (const name of [undefined, null, 5, {}, [], ["purchase"], true, Symbol("x"), () => "purchase"]) {
    assert.equal(resolveName(name), undefined);
    assert.equal(fromGa4(name), undefined);
  }
});

test("a data layer's own names are ignored, standard spelling too", async () => {
  const page = await Page.open();
  await page.push(
    { event: "MyEvent" },
    { event: "AddToCart" },
    { event: "gtm.js" },
    { event: "click_button" },
    { event: "lead" },
  );
  assert.deepEqual(page.names(), ["Pageview"]);
});
