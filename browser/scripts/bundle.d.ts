export const ROOT: string;
export const OUTPUT: string;
export function bundle(): Promise<string>;
