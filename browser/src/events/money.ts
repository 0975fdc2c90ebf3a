/** Sums of decimal prices carry noise far behind the point: 0.1 + 0.2. */
export function round(amount: number): number {
  return Math.round(amount * 1e6) / 1e6;
}

/** A number not below nought, also from text as people and shops write it: `1,234.50`, `12,50`, `€ 3`. */
export function amount(value: unknown): number | undefined {
  const number = typeof value === "string" ? parse(value) : value;
  return typeof number === "number" && number >= 0 && number < 1e12 ? round(number) : undefined;
}

function parse(text: string): number | undefined {
  // Without spaces, currencies, and marks of thousands that are nothing else.
  const bare = text.slice(0, 40).replace(/[\s'’\p{Sc}\p{Cf}]/gu, "");
  const written = bare.replace(/^[\p{L}\p{M}][\p{L}\p{M}.]*|[\p{L}\p{M}][\p{L}\p{M}.]*$/gu, "");
  // The last mark is the decimal one, but a comma before three digits separates thousands.
  const hasDecimalComma = /,\d*$/.test(written) && !/^[1-9]\d{0,2}(,\d{3})+$/.test(written);
  const plain = hasDecimalComma ? written.replace(/\./g, "").replace(",", ".") : written.replace(/,/g, "");
  return plain ? Number(plain) : undefined;
}
