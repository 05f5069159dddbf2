// modules.mjs -- what `./file.ts:export` of langgraph.json names: the project's modules, TypeScript too.

import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { LoadError } from './load_errors.mjs';
import { findPackage, importEntry } from './packages.mjs';

const JAVASCRIPT = new Set(['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts']);
const TYPESCRIPT = new Set(['.ts', '.mts', '.cts', '.tsx']);

/** Does `path:export` name something written in JavaScript or TypeScript? */
export function isJavaScript(spec) {
    return typeof spec === 'string' && JAVASCRIPT.has(path.extname(splitSpec(spec).file));
}

/* Without a name it is the default export. */
function splitSpec(spec) {
    const colon = spec.lastIndexOf(':');
    return colon > 0
        ? { file: spec.slice(0, colon), exportSymbol: spec.slice(colon + 1) }
        : { file: spec, exportSymbol: 'default' };
}

export class Modules {
    #typescript = null;

    constructor(projectDir) {
        this.projectDir = projectDir;
    }

    /**
     * Resolves to {exported, source: {sourceFile, exportSymbol}}. A round above 0 loads the file and
     * what it imports from the project anew.
     */
    async load(spec, round = 0) {
        const { file, exportSymbol } = splitSpec(spec);
        const sourceFile = path.resolve(this.projectDir, file);
        if (!fs.existsSync(sourceFile)) throw new LoadError(`there is no file ${sourceFile}`);
        const module = await this.#import(sourceFile, round);
        return {
            exported: await exportOf(module, exportSymbol),
            source: { sourceFile, exportSymbol },
        };
    }

    async #import(sourceFile, round) {
        if (TYPESCRIPT.has(path.extname(sourceFile))) {
            this.#typescript ??= registerTypeScript(path.dirname(sourceFile));
            await this.#typescript;
        }
        return import(pathToFileURL(sourceFile).href + (round ? `?runbell=${round}` : ''));
    }
}

async function registerTypeScript(folder) {
    const found = findPackage('tsx', folder);
    if (!found)
        throw new LoadError(
            'TypeScript needs the package tsx, which is not installed; ' +
                'run "npm install --save-dev tsx", or point langgraph.json at compiled JavaScript',
        );
    /* A package without "type": "module" is CommonJS, in TypeScript too. */
    for (const api of ['./cjs/api', './esm/api']) (await importEntry(found, api)).register();
}

/* CommonJS arrives under `default`, and what was transpiled to it has a `default` of its own. */
async function exportOf(module, name) {
    const direct = name in module && !module.default?.__esModule;
    const exported = await (direct ? module : module.default)?.[name];
    if (exported === undefined || exported === null) {
        const names = Object.keys(module).filter((key) => key !== 'module.exports');
        throw new LoadError(
            `there is no export "${name}"; the file exports ${names.join(', ') || 'nothing'}`,
        );
    }
    return exported;
}
