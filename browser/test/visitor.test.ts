import assert from "node:assert/strict";
import { test } from "node:test";
import { lanes, Page } from "./support/page.ts";
import { FakeStorage } from "./support/storage.ts";

const ID = "mg3k2v1x9abcdefghij0123456789";
const visitors = (page: Page) => page.posts().map((post) => post.visitor);

test("the cookie decides, and nothing is kept beside it", async () => {
  const local = new FakeStorage();
  local.values.set("tdv", '"mg3k2v1x9zzzzzzzzzzzzzzzzzzzz"');
  const page = await Page.open({ local, cookie: `a=b; tdv=${ID}` });
  assert.deepEqual(visitors(page), [ID]);
  assert.equal(local.json("tdv"), undefined);
});

test("another name of the cookie", async () => {
  const page = await Page.open({ settings: { cookie: "v" }, cookie: `tdv=x; v=${ID}` });
  assert.deepEqual(visitors(page), [ID]);
});

test("without a cookie a candidate is kept, so that tabs and pages agree", async () => {
  const local = new FakeStorage();
  const one = await Page.open({ local });
  const other = await Page.open({ local });
  await one.tandem("track", "Lead");
  assert.equal(new Set([...visitors(one), ...visitors(other)]).size, 1);
  assert.equal(local.json("tdv"), visitors(one)[0]);
});

test("a cookie or candidate of another form is none", async () => {
  for (const bad of ["", "short", "UPPER".repeat(6), "x".repeat(65), "<script>alert(1)</script>xxxx"]) {
    const local = new FakeStorage();
    local.values.set("tdv", JSON.stringify(bad));
    const page = await Page.open({ local, cookie: "tdv=" + bad });
    assert.match(visitors(page)[0] as string, /^[a-z0-9]{28}$/);
  }
});

test("the server's answer wins over a candidate", async () => {
  const page = new Page();
  page.answer = () => ({ status: 200, body: { visitor: ID } });
  await page.runScript();
  await page.tandem("track", "Lead");
  assert.equal(visitors(page)[1], ID);
  assert.equal(page.local.json("tdv"), ID);
  page.document.cookie = "tdv=" + ID;
  await page.tandem("track", "Lead");
  assert.equal(visitors(page)[2], ID);
  assert.equal(page.local.json("tdv"), undefined);
});

test("a strange answer changes nothing", async () => {
  for (const body of [undefined, null, 5, "x", {}, { visitor: 5 }, { visitor: "" }, { visitor: { a: 1 } }]) {
    const page = new Page();
    page.answer = () => ({ status: 200, body });
    await page.runScript();
    await page.tandem("track", "Lead");
    assert.equal(visitors(page).length, 2);
    assert.equal(visitors(page)[0], visitors(page)[1]);
  }
});

test("the script writes no cookie", async () => {
  const page = new Page();
  let written = 0;
  Object.defineProperty(page.document, "cookie", { get: () => "", set: () => written++ });
  await page.runScript({ settings: { lanes: lanes("wait") } });
  await page.tandem("consent", "granted");
  await page.tandem("consent", "denied");
  assert.equal(written, 0);
});

test("a frame without cookies", async () => {
  const page = new Page();
  Object.defineProperty(page.document, "cookie", {
    get() {
      throw new Error("SecurityError");
    },
  });
  await page.runScript();
  assert.deepEqual(page.names(), ["Pageview"]);
});
