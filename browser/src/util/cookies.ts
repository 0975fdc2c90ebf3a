import { guard } from "./guard.ts";

/** The value of a cookie as it stands in the jar, not decoded; nothing when there is none or we may not look. */
export const cookie = guard((name: string): string | undefined => {
  const [, value] = RegExp("(?:^|; )" + name + "=([^;]+)").exec(document.cookie) || [];
  return value;
});
