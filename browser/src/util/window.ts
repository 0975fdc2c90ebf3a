/** The page's globals, which may be anything. */
export const page = window as unknown as Record<string, any>;
