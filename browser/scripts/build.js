// Builds dist/tandem.js: `npm run build`. The same sources give the same bytes.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { bundle, OUTPUT } from "./bundle.js";

/** Compressed with gzip -9. */
const LIMIT = 10 * 1024;

const script = await bundle();
const bytes = Buffer.from(script);
const gzip = gzipSync(bytes, { level: 9 }).length;
console.log(`${bytes.length} bytes, ${gzip} with gzip, ${brotliCompressSync(bytes).length} with brotli`);
if (gzip > LIMIT) throw new Error(`over the limit of ${LIMIT} bytes with gzip`);

await mkdir(dirname(OUTPUT), { recursive: true });
await writeFile(OUTPUT, bytes);
