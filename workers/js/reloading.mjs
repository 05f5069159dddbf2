// reloading.mjs -- `serve --dev`: graphs are loaded again when a file of the project changes.
//
// Node keeps every module for ever under its address. So each round of loading asks for addresses of
// its own (?runbell=N), and a hook gives what such a module imports from the project the same number.
// A graph that does not load any more keeps its old form, and the log says why.

import fs from 'node:fs';
import module, { createRequire } from 'node:module';
import path from 'node:path';

const SETTLE_MS = 100;
const IGNORED = /(^|[\\/])(node_modules|\.git|\.runbell)([\\/]|$)/;
const SOURCE = /\.(js|mjs|cjs|ts|mts|cts|tsx|jsx|json)$/;

const HOOK = `
export async function resolve(specifier, context, next) {
    const found = await next(specifier, context);
    const round = /[?&]runbell=(\\d+)/.exec(context.parentURL ?? '');
    if (!round || !found.url.startsWith('file:')) return found;
    if (found.url.includes('/node_modules/') || found.url.includes('runbell=')) return found;
    return { ...found, url: found.url + (found.url.includes('?') ? '&' : '?') + 'runbell=' + round[1] };
}`;

/** Watches the project; `load(round)` loads all graphs again and resolves to what failed. */
export function watchProject(projectDir, load) {
    let round = 0;
    let timer = null;
    module.register(`data:text/javascript,${encodeURIComponent(HOOK)}`);
    fs.watch(projectDir, { recursive: true }, (_, file) => {
        if (!file || IGNORED.test(file) || !SOURCE.test(file)) return;
        clearTimeout(timer);
        timer = setTimeout(async () => {
            forgetCommonJs(projectDir);
            report(await load(++round));
        }, SETTLE_MS);
    });
}

function forgetCommonJs(projectDir) {
    const { cache } = createRequire(import.meta.url);
    for (const file of Object.keys(cache))
        if (file.startsWith(projectDir + path.sep) && !IGNORED.test(file)) delete cache[file];
}

function report(failed) {
    for (const { id, error } of failed)
        console.error(`runbell worker: graph "${id}" keeps its old form: ${error.message}`);
    if (failed.length === 0)
        console.error('runbell worker: the project has changed: its graphs were loaded again');
}
