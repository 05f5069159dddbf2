// broken_import.mjs -- imports a package that is not there.

import '@nobody/nothing/sub';

export const graph = 1;
