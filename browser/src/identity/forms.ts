import { guard } from "../util/guard.ts";
import type { Params } from "../util/values.ts";

/** Fields that look like ours and are not: cards, codes, dates, and other people's addresses. */
const OTHER_FIELD = /card|cc-|iban|code|birth|date|recipient|friend|gift/i;
const EMAIL = /e-?mail/i;
const PHONE = /phone|mobil|telefon|(^|[^a-z])tel([^a-z]|$)/i;

type Field = HTMLInputElement;

/** Hands on the e-mail addresses and phone numbers that are typed, when a field changes and when a form is sent. */
export function watchForms(take: (given: Params) => void): void {
  const listen = (type: string, fieldsOf: (target: unknown) => Field[]) =>
    document.addEventListener(
      type,
      guard((event) => {
        for (const field of fieldsOf(event.target)) {
          const kind = kindOf(field);
          if (kind) take({ [kind]: field.value, country: countryIn(field.form) });
        }
      }),
      true,
    );
  listen("change", (field) => [field as Field]);
  listen("submit", (form) => fieldsIn(form as HTMLFormElement));
}

export function kindOf(field: Field): "email" | "phone" | undefined {
  const { type } = field;
  const says = namesOf(field);
  if (!/^(email|tel|text)$/.test(type) || OTHER_FIELD.test(says)) return undefined;
  if (type === "email" || EMAIL.test(says)) return "email";
  return type === "tel" || PHONE.test(says) ? "phone" : undefined;
}

function namesOf({ name, id, autocomplete }: Field): string {
  return [name, id, autocomplete].join(" ");
}

function fieldsIn(form: HTMLFormElement | null): Field[] {
  return Array.from((form || { elements: [] }).elements as ArrayLike<Field>);
}

/** The two-letter country chosen in the same form. */
function countryIn(form: HTMLFormElement | null): string | undefined {
  const field = fieldsIn(form).find((one) => /country/i.test(namesOf(one)) && /^[a-z]{2}$/i.test(one.value));
  return field?.value;
}
