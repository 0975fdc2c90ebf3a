import assert from "node:assert/strict";
import { test } from "node:test";
import { Page, sha256 } from "./support/page.ts";
import { FakeStorage } from "./support/storage.ts";

const ADA = sha256("ada@example.com");
const PHONE = sha256("+4915123456789");

test("identify: hashes go along with later events", async () => {
  const page = await Page.open();
  page.window.tandem("identify", { email: " Ada@Example.com ", phone: "0151 23456789", external_id: "K-7" });
  await page.tandem("track", "Lead");
  assert.deepEqual(page.posts().at(-1)?.user, { email: [ADA], phone: [PHONE], external_id: [sha256("K-7")] });
  assert.deepEqual(page.names(), ["Pageview", "Lead"]);
});

test("an event waits for the hashes of an identify before it", async () => {
  const page = await Page.open();
  const before = page.posts().length;
  page.window.tandem("identify", { email: "ada@example.com" });
  page.window.tandem("track", "Lead");
  assert.equal(page.local.json("tdq"), undefined);
  await page.settle();
  const [post, ...more] = page.posts().slice(before);
  assert.deepEqual(more, []);
  assert.deepEqual(post?.user, { email: [ADA] });
  assert.equal(post?.events.length, 1);
});

test("leaving does not wait for hashes", async () => {
  const page = await Page.open();
  page.window.crypto.subtle = { digest: () => new Promise(() => {}) };
  await page.tandem("identify", { email: "ada@example.com" });
  await page.tandem("track", "Lead");
  assert.deepEqual(page.names(), ["Pageview"]);
  await page.leave();
  const [body] = await page.beaconBodies();
  assert.deepEqual(
    body?.events.map((event) => event.event_name),
    ["Lead"],
  );
});

test("identify alone is posted once, and not again when it says the same", async () => {
  const page = await Page.open();
  await page.tandem("identify", { email: "ada@example.com" });
  await page.tandem("identify", { email: "ADA@example.com" });
  const [, post, ...more] = page.posts();
  assert.deepEqual(post?.events, []);
  assert.deepEqual(post?.user, { email: [ADA] });
  assert.deepEqual(more, []);
});

test("hashes are kept for the visit, raw values nowhere", async () => {
  const session = new FakeStorage();
  const page = await Page.open({ session });
  await page.tandem("identify", { email: "ada@example.com", phone: "0151 23456789" });
  assert.deepEqual(session.json("tdu"), { email: [ADA], phone: [PHONE] });
  const next = await Page.open({ session });
  assert.deepEqual(next.posts()[0]?.user, { email: [ADA], phone: [PHONE] });
  const everything = JSON.stringify([page.requests, next.requests, [...session.values], [...page.local.values]]);
  assert.doesNotMatch(everything, /ada|example\.com|23456789/i);
});

test("ready hashes pass in lower case, the hash of nothing does not", async () => {
  const page = await Page.open();
  const nothing = sha256("");
  await page.tandem("identify", { email: ADA.toUpperCase(), phone: nothing });
  assert.deepEqual(page.posts().at(-1)?.user, { email: [ADA] });
});

test("user_data of a data layer, in all its words", async () => {
  const shapes: object[] = [
    { event: "login", user_data: { email: "ada@example.com", phone_number: "+4915123456789" } },
    { event: "login", user_data: { email_address: "ada@example.com", phone: "0151 23456789" } },
    { user_data: { sha256_email_address: ADA, sha256_phone_number: PHONE } },
    { user_data: { email: ["ada@example.com"], phone_number: ["+49 151 23456789"] } },
    ["set", "user_data", { email: "ada@example.com", phone_number: "+4915123456789" }],
    ["set", { user_data: { email: "ada@example.com", phone_number: "+4915123456789" } }],
    ["event", "sign_up", { user_data: { email: "ada@example.com", phone_number: "+4915123456789" } }],
  ];
  for (const shape of shapes) {
    const page = await Page.open();
    await page.push(shape);
    assert.deepEqual(page.posts().at(-1)?.user, { email: [ADA], phone: [PHONE] }, JSON.stringify(shape));
  }
});

test("the identity in an event's own entry goes along with it", async () => {
  const page = await Page.open();
  await page.push({ event: "sign_up", user_data: { email: "ada@example.com" } });
  const last = page.posts().at(-1);
  assert.deepEqual(last?.user, { email: [ADA] });
  assert.equal(last?.events[0]?.event_name, "CompleteRegistration");
});

test("of another country only international numbers are read", async () => {
  const page = await Page.open();
  await page.tandem("identify", { phone: ["0151 23456789", "+33612345678"], country: "fr" });
  await page.push({ user_data: { phone_number: "0151 23456789", address: { country: "AT" } } });
  assert.deepEqual(page.posts().at(-1)?.user, { phone: [sha256("+33612345678")] });
});

test("bad values are dropped", async () => {
  const page = await Page.open();
  for (const bad of ["null", "undefined", "", "nobody", null, 5, {}, [], true])
    await page.tandem("identify", { email: bad, phone: bad });
  await page.tandem("identify", "ada@example.com");
  await page.tandem("identify");
  assert.equal(page.posts().length, 1);
});

test("without cryptography only ready hashes are used", async () => {
  const page = await Page.open({ isInsecure: true });
  await page.tandem("identify", { email: "ada@example.com", phone: PHONE });
  await page.tandem("track", "Lead");
  assert.deepEqual(page.posts().at(-1)?.user, { phone: [PHONE] });
  assert.deepEqual(page.names(), ["Pageview", "Lead"]);
});

test("another person replaces everything that is known", async () => {
  for (const other of [{ email: "bob@example.com" }, { external_id: "K-8" }]) {
    const page = await Page.open();
    await page.tandem("identify", { email: "ada@example.com", phone: "0151 23456789", external_id: "K-7" });
    await page.tandem("identify", other);
    const made = Object.entries(other).map(([kind, value]) => [kind, [sha256(value)]]);
    assert.deepEqual(page.posts().at(-1)?.user, Object.fromEntries(made));
  }
});

test("the same person, with more", async () => {
  const page = await Page.open();
  await page.tandem("identify", { email: "ada@example.com" });
  await page.tandem("identify", { phone: "0151 23456789" });
  await page.tandem("identify", { email: ["ada@example.com", "ada@example.org"], external_id: "K-7" });
  const email = [ADA, sha256("ada@example.org")];
  assert.deepEqual(page.posts().at(-1)?.user, { email, phone: [PHONE], external_id: [sha256("K-7")] });
});
