/**
 * Makes a function that never throws. Everything the page or the browser calls goes through it: a shop must not
 * break because of us.
 */
export function guard<A extends unknown[], R>(work: (...args: A) => R): (...args: A) => R | undefined {
  return (...args) => {
    try {
      return work(...args);
    } catch {
      return undefined;
    }
  };
}

export const nothing = (): void => {};
