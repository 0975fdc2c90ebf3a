/** Consent tools: one row each. */

import { cookie } from "../../util/cookies.ts";
import { guard } from "../../util/guard.ts";
import { page } from "../../util/window.ts";
import { REST, type Answers, type Row } from "../reading.ts";
import { categoryCookies, decoded, json, pairs } from "./jar.ts";
import { readChoices, readPresets } from "./mode.ts";
import { readTcf } from "./tcf.ts";
import { readUsercentrics } from "./usercentrics.ts";

export const TOOLS: Row[] = [
  ["consent_mode", readChoices],
  ["consent_mode", readPresets],
  ["tcf", readTcf],
  // Without a choice `wp_has_consent` tells what the site presumes, which is for our own settings to say.
  // What is functional is allowed before anybody has chosen.
  ["wp_consent_api", () => categoryCookies("wp_consent_(?!functional)")],
  // On a network of sites the main one's have `rt_` in their names.
  ["complianz", () => categoryCookies("cmplz_(?:rt_)?(?!functional)")],
  [
    "cookieyes",
    () => {
      const answers = pairs(decoded("cookieyes-consent"));
      // Until the visitor has answered, the categories may hold presets.
      return answers.action === "yes" && answers;
    },
  ],
  [
    "cookieyes_legacy",
    () => {
      const word = cookie("viewed_cookie_policy");
      return word === "no" ? { [REST]: word } : word === "yes" && categoryCookies("cookielawinfo-checkbox-");
    },
  ],
  [
    "cookiebot",
    () => {
      const answers = pairs(decoded("CookieConsent"));
      // Such a stamp is given where the shop asks nobody. Without a method nothing is known of a choice.
      return answers.stamp != -1 && { method: "unknown", ...answers };
    },
  ],
  [
    "onetrust",
    () => {
      // Beside the groups stands an address, in which anything may stand.
      const told = new URLSearchParams(cookie("OptanonConsent"));
      const answers = pairs("" + told.get("groups"));
      // The tool has seen the browser's signal; that outweighs the group.
      if (told.get("isGpcEnabled") === "1") answers.C0004 = 0;
      // Until the banner is closed, the groups hold presets.
      return cookie("OptanonAlertBoxClosed") && answers;
    },
  ],
  [
    "borlabs",
    () => {
      // What the visitor has not agreed to is not listed.
      const answers: Answers = { [REST]: false };
      const { consents } = json("borlabs-cookie");
      for (const group in consents) {
        for (const service of consents[group]) answers[group] = answers[service] = true;
      }
      return answers;
    },
  ],
  [
    "didomi",
    () => {
      const api = guard(() => page.Didomi.getUserStatus())();
      const { purposes, vendors } = api || JSON.parse(atob(decoded("didomi_token")));
      const answers: Answers = {};
      for (const given of [purposes, vendors]) {
        // The page's API has one more floor than the cookie, which leaves empty lists out.
        const { enabled = [], disabled = [] } = given?.consent || given || {};
        for (const id of enabled) answers[id] = true;
        for (const id of disabled) answers[id] = false;
      }
      return answers;
    },
  ],
  [
    "axeptio",
    () => {
      const answers = json("axeptio_cookies");
      return answers.$$completed && answers;
    },
  ],
  ["shopify", () => json("_tracking_consent").con.CMP],
  ["usercentrics", readUsercentrics],
];
