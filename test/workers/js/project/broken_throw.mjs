// broken_throw.mjs -- throws while it is imported: line 4.

export const graph = (() => {
    throw new RangeError('no key in the environment');
})();
