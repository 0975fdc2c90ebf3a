import { isHash } from "./hash.ts";

type Code = string | null | undefined;

/**
 * E.164 with its plus sign, which TikTok hashes; or a ready hash. National numbers are completed with the calling code;
 * without one only international numbers are read.
 */
export function normalisePhone(value: unknown, callingCode: Code, country: Code): string | undefined {
  const given = String(value).slice(0, 80).trim().toLowerCase();
  if (isHash(given)) return given;
  const written = given
    // Full-width digits.
    .normalize("NFKC")
    .replace(/^tel:|\s*(ext|x|#|,|;).*/g, "")
    // `(0)` is the trunk zero, not dialled from abroad, but in Italy and the states inside it a part of the number.
    .replace(/^(\D*(\+|00)(?!39|378).*)\(0\)/, "$1");
  const digits = written.replace(/\D/g, "");
  // Letters and masks are refused, and so is one digit repeated.
  if (/[\p{L}*_{]|\d.*\+/u.test(written) || digits.length < 7 || /^0*(\d)\1*$/.test(digits)) return undefined;
  const number = /^\D*(\+|00)/.test(written) ? digits.replace(/^0+/, "") : national(digits, callingCode, country);
  return number && number.length < 16 ? "+" + number : undefined;
}

function national(digits: string, callingCode: Code, country: Code): string | undefined {
  if (!callingCode) return undefined;
  if (callingCode === "1") return /^1?\d{10}$/.test(digits) ? "1" + digits.slice(-10) : undefined;
  // So long a number already begins with its country code, only the plus sign was left out.
  if (digits.startsWith(callingCode) && digits.length > 11) return digits;
  return callingCode + (/IT|SM|VA/.test(country as string) ? digits : digits.replace(/^0/, ""));
}
