/** `localStorage` as the script sees it. */
export class FakeStorage {
  values = new Map<string, string>();
  /** More characters than this are refused. */
  limit = Infinity;
  /** Every access fails, as in a frame without rights. */
  isForbidden = false;
  accesses = 0;

  getItem(key: string): string | null {
    this.access();
    return this.values.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.access();
    if (value.length > this.limit) throw new Error("QuotaExceededError");
    this.values.set(key, String(value));
  }

  removeItem(key: string): void {
    this.access();
    this.values.delete(key);
  }

  json(key: string): any {
    const text = this.values.get(key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  private access(): void {
    this.accesses++;
    if (this.isForbidden) throw new Error("SecurityError");
  }
}
