import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { ROOT } from "../scripts/bundle.js";
import { normaliseEmail } from "../src/identity/email.ts";
import { sha256 } from "../src/identity/hash.ts";
import { normalisePhone } from "../src/identity/phone.ts";

interface Vector {
  id: string;
  area: string;
  title: string;
  input: { raw: unknown; context?: { default_country: string | null } };
  expected: { wire: string | string[] | null };
}

/** The gateway's own vectors: both sides must make the same hash of the same value. */
const file = readFileSync(ROOT + "../crates/tandem-core/tests/data/tiktok-vectors.json", "utf8");
const vectors = (JSON.parse(file).vectors as Vector[]).filter(({ area }) => area === "email" || area === "phone");

const CALLING_CODES: Record<string, string> = {
  US: "1",
  GB: "44",
  DE: "49",
  FR: "33",
  IT: "39",
  BR: "55",
  AR: "54",
  MX: "52",
  AU: "61",
  JP: "81",
  KR: "82",
  IN: "91",
  ID: "62",
  TH: "66",
  VN: "84",
  IL: "972",
  RU: "7",
  AE: "971",
  TR: "90",
  PL: "48",
  NO: "47",
  NG: "234",
  CN: "86",
};

/** What needs numbering plans, which only the gateway has. Here the value is another one, or none. */
const BEYOND_US: Record<string, string> = {
  "phone-013": "Argentina's 15 becomes 9",
  "phone-023": "Russia's trunk digit is 8",
  "phone-029": "mainland China: the second, national hash",
  "phone-030": "digits of other scripts",
  "phone-041": "a country code nobody has",
};

describe("the gateway's vectors", () => {
  for (const { id, area, title, input, expected } of vectors) {
    if (BEYOND_US[id]) continue;
    test(`${id}: ${title}`, async () => {
      const country = input.context?.default_country;
      const normalise = (value: unknown) =>
        area === "email" ? normaliseEmail(value) : normalisePhone(value, country && CALLING_CODES[country], country);
      const values = ([] as unknown[])
        .concat(input.raw)
        .map(normalise)
        .filter((value) => value !== undefined);
      const hashes = await Promise.all(Array.from(new Set(values)).map((value) => sha256(value as string)));
      assert.deepEqual(hashes, ([] as unknown[]).concat(expected.wire ?? []));
    });
  }
});

const PHONES: [string, string | undefined][] = [
  ["+49 151 23456789", "+4915123456789"],
  ["0049 (0)151 23456789", "+4915123456789"],
  ["+49 (0) 151/234-567.89", "+4915123456789"],
  ["(+49) 151 23456789", "+4915123456789"],
  ["0151 23456789", "+4915123456789"],
  ["(0151) 23456789", "+4915123456789"],
  ["4915123456789", "+4915123456789"],
  ["tel:+4915123456789", "+4915123456789"],
  ["+39 06 698 12345", "+390669812345"],
  ["+1 (213) 373-4253", "+12133734253"],
  ["+0049151 23456789", "+4915123456789"],
  ["12345", undefined],
  ["123456", undefined],
  ["0000000000", undefined],
  ["+4911111111", "+4911111111"],
  ["1111111111", undefined],
  ["1-800-FLOWERS", undefined],
  ["+49 151 ***6789", undefined],
  ["4111 1111 1111 1111", undefined],
  ["3782 822463 10005", undefined],
  ["12+3456789012", undefined],
  ["null", undefined],
  ["", undefined],
];

for (const [given, expected] of PHONES) {
  test(`phone ${JSON.stringify(given)} in Germany`, () => assert.equal(normalisePhone(given, "49", "DE"), expected));
}

test("the trunk zero stays in Italy, San Marino and the Vatican", () => {
  for (const [country, code] of [
    ["IT", "39"],
    ["VA", "39"],
    ["SM", "378"],
  ]) {
    assert.equal(normalisePhone("06 698 12345", code, country), `+${code}0669812345`);
  }
});

test("ten digits in North America, with or without the 1", () => {
  for (const country of ["US", "CA"]) {
    assert.equal(normalisePhone("213 373 4253", "1", country), "+12133734253");
    assert.equal(normalisePhone("1-213-373-4253", "1", country), "+12133734253");
    assert.equal(normalisePhone("373 4253", "1", country), undefined);
    assert.equal(normalisePhone("0213 373 4253", "1", country), undefined);
  }
});

test("without a calling code only international numbers are read", () => {
  assert.equal(normalisePhone("0151 23456789", null, "DE"), undefined);
  assert.equal(normalisePhone("+33 6 12 34 56 78", null, "DE"), "+33612345678");
});

test("what is no e-mail address", () => {
  const bad = [
    "a@b",
    "a@@b.c",
    "a@b..c",
    "a@.b.c",
    "a@b.c.",
    "a@b.c-",
    "<a@b.c>",
    "{{email}}@b.c",
    "g***@b.c",
    "a b@c.d",
    "@b.c",
    "a@",
  ];
  for (const value of [...bad, undefined, null, 5, {}, []])
    assert.equal(normaliseEmail(value), undefined, String(value));
  for (const value of ["a@b.co", "A+b.c@Sub.Example.com ", "ö@ü.de"])
    assert.equal(normaliseEmail(value), value.trim().toLowerCase());
});

test("long values cost nothing", () => {
  assert.equal(normaliseEmail("a@".repeat(1_000_000)), undefined);
  assert.equal(normalisePhone("1".repeat(1_000_000), "49", "DE"), undefined);
});
