/** Looking into values that the page hands over, which may be anything. */

export type Params = Record<string, unknown>;

export function object(value: unknown): Params | undefined {
  return value && typeof value === "object" ? (value as Params) : undefined;
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : value == null ? [] : [value];
}
