// Runs the Cloudflare Worker as Cloudflare does, as far as Node can: a Request in, a Response out, and the headers that
// Cloudflare itself sets on the way in.
//
//     node worker.mjs WORKER SHOP_FOLDER PORT GATEWAY
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join, normalize } from "node:path";
import { Readable } from "node:stream";

const [worker, folder, port, gateway] = process.argv.slice(2);
const { default: handler } = await import(worker);

// The shop's own server, where a Worker's fetch of its own address leads.
const outside = globalThis.fetch;
globalThis.fetch = (target, init) =>
  target instanceof Request ? shop(new URL(target.url).pathname) : outside(target, init);

async function shop(path) {
  const file = join(folder, normalize(path));
  return new Response(await readFile(file).catch(() => "the shop"));
}

createServer(async (incoming, outgoing) => {
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    // Undici refuses these on a Request; Cloudflare has dealt with them.
    if (["connection", "expect", "transfer-encoding", "keep-alive"].includes(name)) continue;
    headers.set(name, values.join(name === "cookie" ? "; " : ", "));
  }
  // Set by Cloudflare whatever the visitor sent.
  headers.set("cf-connecting-ip", incoming.socket.remoteAddress);
  const bodiless = ["GET", "HEAD"].includes(incoming.method);
  const request = new Request(`https://${incoming.headers.host}${incoming.url}`, {
    method: incoming.method,
    headers,
    body: bodiless ? undefined : Readable.toWeb(incoming),
    duplex: "half",
  });
  const answer = await handler.fetch(request, { GATEWAY: gateway });
  outgoing.statusCode = answer.status;
  for (const [name, value] of answer.headers) {
    if (name !== "set-cookie") outgoing.setHeader(name, value);
  }
  outgoing.setHeader("set-cookie", answer.headers.getSetCookie());
  outgoing.end(Buffer.from(await answer.arrayBuffer()));
}).listen(Number(port), "127.0.0.1");
