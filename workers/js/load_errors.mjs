// load_errors.mjs -- why a graph did not load, in words for a tired person: file, line, reason, what to do.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { describeError } from './render.mjs';

/** A failure whose message already says everything. */
export class LoadError extends Error {
    name = 'LoadError';
}

/** {type, message} for the server. */
export function explainLoadError(error, spec, projectDir) {
    const { type, message } = describeError(error);
    const place = placeOf(error, projectDir) ?? syntaxPlaceOf(error, spec, projectDir);
    const at = place ? ` (${place})` : '';
    return { type, message: `${spec}: ${firstLines(message)}${at}${adviceFor(error)}` };
}

/* Some messages carry a whole stack of requires behind the first lines. */
function firstLines(message) {
    return message.split('\nRequire stack:')[0].trim();
}

/* The first place in the stack that is a file of the project and not of a package or of this worker. */
function placeOf(error, projectDir) {
    if (error instanceof LoadError || !error?.stack) return null;
    for (const [, file, line] of error.stack.matchAll(/((?:file:\/\/)?\/[^\s:()]+):(\d+)/g)) {
        const full = file.startsWith('file:') ? fileURLToPath(file.split('?')[0]) : file;
        const inside = path.relative(projectDir, full);
        if (!inside.startsWith('..') && !inside.includes('node_modules'))
            return `${inside}:${line}`;
    }
    return null;
}

/* A syntax error of an ES module does not know its line; Node tells it when it checks the file. */
function syntaxPlaceOf(error, spec, projectDir) {
    if (!(error instanceof SyntaxError)) return null;
    const file = path.resolve(projectDir, spec.slice(0, spec.lastIndexOf(':')));
    const { stderr } = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8' });
    const line = /:(\d+)\r?\n/.exec(stderr ?? '')?.[1];
    return line ? `${path.relative(projectDir, file)}:${line}` : null;
}

function adviceFor(error) {
    const missing = /Cannot find (?:package|module) '([^'./][^']*)'/.exec(error?.message ?? '');
    if (!missing) return '';
    const name = missing[1]
        .split('/')
        .slice(0, missing[1].startsWith('@') ? 2 : 1)
        .join('/');
    return `; run "npm install ${name}"`;
}
