/** Random letters a–z and digits. */
export function randomText(length: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => (byte % 36).toString(36)).join("");
}

/** The id that the shop's server gives the same order, so that both reports count once. */
export function purchaseId(template: string, order: string): string {
  return template.replace(/\{(id|number)\}/g, () => order);
}
