/** An e-mail address inside a text, plain or percent-encoded. */
export const EMAIL = /[^\s@]@+[^\s@]*\.|%40/;

/** A phone number with its plus sign. */
const PHONE = /(^|[^\p{L}\p{N}])\+([\s\-./()]*\d){8,15}(?![\s\-./()]*\d)/u;

export function isPersonal(text: string): boolean {
  return EMAIL.test(text) || PHONE.test(text);
}

/** Ends of names of fields and URL parameters that stand for a person or open something. The gateway knows more. */
const PERSONAL_NAME =
  /(mail|phone|mobile|(^|full|first|last|user)name|^tel|address|street|birthday|key|token|password)$/i;

export function isPersonalName(name: string): boolean {
  return PERSONAL_NAME.test(name.replace(/[^a-z]/gi, ""));
}

/** Text or a number as trimmed text; nothing for other types, blank text, or a text with a person in it. */
export function text(value: unknown, max = 150): string | undefined {
  if (typeof value !== "string" && !Number.isFinite(value)) return undefined;
  // Cut before anything is searched: a page may hand over megabytes.
  const short = String(value).slice(0, 999).trim().slice(0, max);
  return short && !isPersonal(short) ? short : undefined;
}

export function firstText(...values: unknown[]): string | undefined {
  return values.map((value) => text(value)).find(Boolean);
}

/** How many bytes a text is on the wire, at most. */
export function bytes(text: string): number {
  return text.replace(/[^\0-\x7f]/g, "xxx").length;
}

/**
 * JSON that every decoder takes. Half a surrogate pair (a text cut inside an emoji) would be written as an escape
 * that strict decoders refuse, and the whole body with it.
 */
export function toJson(value: unknown): string {
  return JSON.stringify(value).replace(/\\\\|\\ud[89a-f]../g, (found) => (found[1] === "u" ? "\\ufffd" : found));
}
