// packages.mjs -- finds and imports packages of the user's project, not of this folder.
//
// The worker has no dependencies of its own. What it needs (LangGraph, tsx, the schema reader)
// it takes from the node_modules that the graph itself would see.

import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const CONDITIONS = {
    esm: ['node', 'import', 'default'],
    cjs: ['node', 'require', 'default'],
};

/** {name, dir, manifest} of a package as seen from a file or folder, or null. */
export function findPackage(name, from) {
    const places = createRequire(path.join(from, 'here.js')).resolve.paths(name) ?? [];
    for (const place of places) {
        const file = path.join(place, name, 'package.json');
        if (!fs.existsSync(file)) continue;
        const manifest = JSON.parse(fs.readFileSync(file, 'utf8'));
        return { name, dir: fs.realpathSync(path.dirname(file)), manifest };
    }
    return null;
}

/** Imports one entry point ("." or "./sub") of a found package in its ESM or CommonJS form. */
export async function importEntry(found, subpath = '.', kind = 'esm') {
    const target = entryOf(found.manifest, subpath, CONDITIONS[kind]);
    if (!target) throw new Error(`${found.name} has no entry point "${subpath}"`);
    const module = await import(pathToFileURL(path.join(found.dir, target)).href);
    return kind === 'cjs' ? (module.default ?? module) : module;
}

function entryOf(manifest, subpath, conditions) {
    const { exports } = manifest;
    if (exports === undefined) return subpath === '.' ? (manifest.main ?? 'index.js') : subpath;
    const bySubpath = typeof exports === 'object' && Object.keys(exports)[0]?.startsWith('.');
    if (bySubpath) return pickTarget(exports[subpath], conditions);
    return subpath === '.' ? pickTarget(exports, conditions) : undefined;
}

function pickTarget(entry, conditions) {
    if (typeof entry === 'string') return entry;
    for (const [condition, target] of Object.entries(entry ?? {})) {
        const found = conditions.includes(condition) && pickTarget(target, conditions);
        if (found) return found;
    }
    return undefined;
}
