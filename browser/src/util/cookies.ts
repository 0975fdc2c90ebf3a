import { guard } from "./guard.ts";

/**
 * The value of a cookie as it stands in the jar, not decoded; nothing when there is none, we may not look, or it is
 * longer than browsers keep any.
 */
export const cookie = guard((name: string): string | undefined => {
  const [, value] = RegExp("(?:^|; )" + name + "=([^;]{1,8192})(?:;|$)").exec(document.cookie) || [];
  return value;
});
