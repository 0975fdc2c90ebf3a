import assert from "node:assert/strict";
import { test } from "node:test";
import { lanes, Page, sha256 } from "./support/page.ts";

const field = (fields: object) => ({
  type: "text",
  name: "",
  id: "",
  autocomplete: "",
  value: "",
  form: null,
  ...fields,
});

function form(...fields: object[]): { elements: any[] } {
  const form = { elements: fields.map(field) as any[] };
  for (const element of form.elements) element.form = form;
  return form;
}

const open = () => Page.open({ settings: { forms: true } });
const user = (page: Page) => page.posts().at(-1)?.user;
const EMAIL = "ada@example.com";
const PHONE = "0151 23456789";

test("fields that are ours, when they change", async () => {
  const emails = [
    { type: "email" },
    { name: "billing_email" },
    { id: "E-Mail" },
    { autocomplete: "email" },
    { name: "account_email" },
  ];
  for (const one of emails) {
    const page = await open();
    await page.fire("document", "change", { target: field({ ...one, value: EMAIL }) });
    assert.deepEqual(user(page), { email: [sha256(EMAIL)] }, JSON.stringify(one));
  }
  const phones = [
    { type: "tel" },
    { name: "billing_phone" },
    { id: "Mobile" },
    { autocomplete: "tel" },
    { name: "telefon" },
  ];
  for (const one of phones) {
    const page = await open();
    await page.fire("document", "change", { target: field({ ...one, value: PHONE }) });
    assert.deepEqual(user(page), { phone: [sha256("+4915123456789")] }, JSON.stringify(one));
  }
});

test("fields that are not ours", async () => {
  const page = await open();
  const others = [
    { type: "password", name: "email" },
    { type: "hidden", name: "email" },
    { type: "search", name: "email" },
    { type: "checkbox", name: "email_me" },
    { type: "tel", autocomplete: "cc-number" },
    { type: "tel", name: "card_number" },
    { type: "tel", autocomplete: "one-time-code" },
    { type: "tel", autocomplete: "postal-code" },
    { type: "tel", name: "birthday" },
    { type: "email", name: "gift_recipient_email" },
    { name: "hotel" },
    { name: "comment" },
  ];
  for (const one of others) {
    for (const value of [EMAIL, PHONE]) await page.fire("document", "change", { target: field({ ...one, value }) });
  }
  assert.equal(page.posts().length, 1);
});

test("all of a form when it is sent", async () => {
  const page = await open();
  const target = form(
    { type: "email", value: EMAIL },
    { type: "tel", value: PHONE },
    { type: "password", value: "secret@example.com" },
  );
  await page.fire("document", "submit", { target });
  assert.deepEqual(user(page), { email: [sha256(EMAIL)], phone: [sha256("+4915123456789")] });
});

test("another country in the same form: only international numbers", async () => {
  for (const [country, expected] of [
    ["AT", undefined],
    ["DE", { phone: [sha256("+4915123456789")] }],
    ["Germany", { phone: [sha256("+4915123456789")] }],
  ]) {
    const page = await open();
    const target = form({ type: "tel", value: PHONE }, { type: "select-one", name: "billing_country", value: country });
    await page.fire("document", "submit", { target });
    assert.deepEqual(user(page)?.phone, (expected as any)?.phone, String(country));
  }
  const page = await open();
  const target = form(
    { type: "tel", value: "+43 1 234567" },
    { type: "select-one", name: "billing_country", value: "AT" },
  );
  await page.fire("document", "change", { target: target.elements[0] });
  assert.deepEqual(user(page), { phone: [sha256("+431234567")] });
});

test("unless the site wants it, forms are let alone; and so they are before consent", async () => {
  const target = field({ type: "email", value: EMAIL });
  const page = await Page.open();
  await page.fire("document", "change", { target });
  assert.equal(page.posts().length, 1);

  const waiting = await Page.open({ settings: { forms: true, lanes: lanes("wait") } });
  await waiting.fire("document", "change", { target });
  await waiting.tandem("consent", "granted");
  assert.deepEqual(waiting.posts()[0]?.user, {});
  await waiting.tandem("consent", "denied");
  await waiting.fire("document", "change", { target });
  assert.equal(waiting.session.values.size, 0);
});

test("strange targets", async () => {
  const page = await open();
  for (const target of [null, undefined, {}, { elements: null }, { type: 5 }, page.document]) {
    await page.fire("document", "change", { target });
    await page.fire("document", "submit", { target });
  }
  assert.deepEqual(page.errors, []);
  assert.equal(page.posts().length, 1);
});
