// Tandem under the shop's own host, for shops behind Cloudflare whose web server you cannot change. (If you can, use the
// snippet for nginx, Caddy or Apache instead: Cloudflare passes the path on like any other.)
//
// Set it up: a Worker with this file; its routes `shop.example/x7k2/*`, and for orders `shop.example/webhooks/*` or, with
// our plugin, `shop.example/plugin/*`, with "Fail closed" (open, a used-up quota would hand events and orders to the shop,
// whose answer may pass for ours, and they would be lost; closed, they are sent again later); and a variable GATEWAY with the https address of the gateway,
// e.g. https://gateway.shop.example.
// That host is the gateway's own web server. It must believe X-Forwarded-For only from Cloudflare's addresses
// (docs/same-origin.md), since everybody else can write the header too.

// Your site's path; `tandem tag` prints it.
const PATH = "/x7k2/";
// Orders, from WooCommerce's webhooks or our plugin.
const ORDERS = ["/webhooks/", "/plugin/"];

// The visitor's id and no other cookie: what opens the shop or its back office is none of the gateway's business.
const COOKIE = /(?:^|;\s*)(tdv=[A-Za-z0-9_.-]+)/;

const KIB = 1024;

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const page = url.pathname.startsWith(PATH);
    // A route that is too wide: the shop answers as it always did.
    if (!page && !ORDERS.some((path) => url.pathname.startsWith(path))) return fetch(request);

    const body = await bodyWithin(request, page ? 64 * KIB : 1024 * KIB);
    if (body === null) return new Response("too large\n", { status: 413 });
    const answer = fetch(env.GATEWAY + url.pathname + url.search, {
      method: request.method,
      headers: headersFor(request, url, page),
      body: body.length > 0 ? body : undefined,
      redirect: "manual",
      signal: AbortSignal.timeout(10_000),
      // Below zero: nothing is kept at the edge.
      cf: { cacheTtlByStatus: { "100-599": -1 } },
    });
    // A gateway that is down costs the page nothing: the script tries again later.
    return answer.catch(() => new Response("the gateway does not answer\n", { status: 502 }));
  },
};

function headersFor(request, url, page) {
  const headers = new Headers(request.headers);
  const visitor = page && COOKIE.exec(headers.get("Cookie") ?? "");
  headers.delete("Cookie");
  if (visitor) headers.set("Cookie", visitor[1]);
  headers.delete("Authorization");
  // Cloudflare's own word on who is calling, in place of what the visitor claims.
  headers.set("X-Forwarded-For", headers.get("CF-Connecting-IP") ?? "");
  headers.set("X-Forwarded-Proto", url.protocol.slice(0, -1));
  headers.set("X-Forwarded-Host", url.host);
  return headers;
}

// The whole body, or null when it is longer than the limit; stops reading there.
async function bodyWithin(request, limit) {
  if (Number(request.headers.get("Content-Length") ?? 0) > limit) return null;
  const parts = [];
  let length = 0;
  for await (const part of request.body ?? []) {
    length += part.length;
    if (length > limit) return null;
    parts.push(part);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return body;
}
