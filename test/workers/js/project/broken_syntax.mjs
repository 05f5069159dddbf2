// broken_syntax.mjs -- does not parse: line 3.

export const graph = = 1;
