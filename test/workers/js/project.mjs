// project.mjs -- a project folder to start a worker in: the files of ./project beside the example's packages.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { PROJECT } from './peer.mjs';

const FILES = path.join(path.dirname(fileURLToPath(import.meta.url)), 'project');

const made = [];
process.on('exit', () => made.forEach((dir) => fs.rmSync(dir, { recursive: true, force: true })));

/** A new folder; `packages` says which of the example's packages it sees (all by default). */
export function makeProject({ without = [] } = {}) {
    const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'worker-js-')));
    made.push(dir);
    fs.cpSync(FILES, dir, { recursive: true });
    const packages = path.join(PROJECT, 'node_modules');
    fs.mkdirSync(path.join(dir, 'node_modules'));
    for (const name of fs.readdirSync(packages))
        if (!without.includes(name))
            fs.symlinkSync(path.join(packages, name), path.join(dir, 'node_modules', name));
    return dir;
}
