import { isHash } from "./hash.ts";

/** What an address cannot hold, masks and unfilled templates included. */
const IMPOSSIBLE = /[()<>[\],;:\\"*{]|\.\.|@[.-]|[.-]$/;

/** Trimmed and lower-cased, nothing else (TikTok Events API; Meta and others say the same); or a ready hash. */
export function normaliseEmail(value: unknown): string | undefined {
  const address = String(value).slice(0, 400).trim().toLowerCase();
  const isAddress = /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address) && !IMPOSSIBLE.test(address);
  return isAddress || isHash(address) ? address : undefined;
}
