/** The little of Node that the tests use; its full types would be one more package. */

declare module "node:test" {
  type Body = () => void | Promise<void>;
  export function test(name: string, body: Body): void;
  export function describe(name: string, body: () => void): void;
}

declare module "node:assert/strict" {
  interface Assert {
    (value: unknown, message?: string): asserts value;
    equal(actual: unknown, expected: unknown, message?: string): void;
    notEqual(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    match(actual: string, expected: RegExp, message?: string): void;
    doesNotMatch(actual: string, expected: RegExp, message?: string): void;
    throws(work: () => unknown, expected?: RegExp): void;
    fail(message?: string): never;
  }
  const assert: Assert;
  export default assert;
}

declare module "node:vm" {
  export function createContext(sandbox: object): object;
  export function runInContext(code: string, context: object): unknown;
}

declare module "node:fs" {
  export function readFileSync(path: string): Uint8Array;
  export function readFileSync(path: string, encoding: "utf8"): string;
  export function readdirSync(path: string, options: { recursive: true }): string[];
}

declare module "node:crypto" {
  export function createHash(name: string): {
    update(data: unknown): {
      digest(): { buffer: ArrayBuffer; byteOffset: number; length: number };
      digest(encoding: "hex"): string;
    };
  };
  export const webcrypto: Crypto;
}

declare module "node:zlib" {
  export function gzipSync(data: Uint8Array, options: { level: number }): Uint8Array;
}

declare const process: {
  on(event: "unhandledRejection", listener: (reason: unknown) => void): void;
};

declare function setImmediate(work: (value?: unknown) => void): void;

interface ImportMeta {
  url: string;
}
