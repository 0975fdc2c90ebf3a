/** Who the visitor is, as hashes. A raw value is gone as soon as its hash is made. */

import { settings } from "../settings.ts";
import { nothing } from "../util/guard.ts";
import { read, write } from "../util/storage.ts";
import { firstText, text } from "../util/text.ts";
import { object, type Params } from "../util/values.ts";
import { normaliseEmail } from "./email.ts";
import { sha256 } from "./hash.ts";
import { normalisePhone } from "./phone.ts";

const KEY = "tdu";
const MAX_VALUES = 3;

/** SHA-256, 64 hexadecimal digits each. */
export interface Hashes {
  email?: string[];
  phone?: string[];
  external_id?: string[];
}

export let hashes: Hashes = {};

/** So many hashes are being made; events should wait for them. */
export let pending = 0;

/** Changes when everything is forgotten: hashes that were begun before are not taken any more. */
let life = {};

/** Brings back what earlier pages of this visit found, and keeps it all for later ones. */
export function restoreUser(): void {
  hashes = { ...object(read(KEY, "sessionStorage")), ...hashes };
  keepUser();
}

export function keepUser(): void {
  write(KEY, hashes, "sessionStorage");
}

export function forgetUser(): void {
  life = hashes = {};
  write(KEY, undefined, "sessionStorage");
}

/** Whether these are somebody else's: of what is known, none goes with another person. */
function isOther(made: Hashes): boolean {
  return (["email", "external_id"] as const).some((kind) => {
    const known = String(hashes[kind] || "");
    return known && made[kind] && !made[kind].some((hash) => known.includes(hash));
  });
}

/**
 * Takes plain or hashed identity in the words of `tandem('identify')` or of GA4's `user_data`. `settled` is called when
 * hashes are made, and told whether anything is new.
 */
export function identify(given: Params, settled: (isNews: boolean) => void): void {
  const country = firstText(given.country, object(given.address)?.country);
  const isAbroad = country && country.toUpperCase() !== settings.country;
  const callingCode = isAbroad ? null : settings.calling_code;

  const mine = life;
  const made: Hashes = {};
  async function make(kind: keyof Hashes, normalise: (value: unknown) => string | undefined, ...values: unknown[]) {
    const usable = ([] as unknown[])
      .concat(...values)
      .map(normalise)
      .filter(Boolean) as string[];
    if (usable.length) made[kind] = await Promise.all(usable.slice(0, MAX_VALUES).map(sha256));
  }
  const work = [
    make("email", normaliseEmail, given.email, given.email_address, given.sha256_email_address),
    make(
      "phone",
      (value) => normalisePhone(value, callingCode, settings.country),
      given.phone,
      given.phone_number,
      given.sha256_phone_number,
    ),
    make("external_id", (value) => text(value), given.external_id),
  ];

  pending++;
  void Promise.all(work.map((one) => one.catch(nothing))).then(() => {
    pending--;
    const both = isOther(made) ? made : { ...hashes, ...made };
    const isNews = mine === life && JSON.stringify(both) !== JSON.stringify(hashes);
    if (isNews) hashes = both;
    settled(isNews);
  });
}
