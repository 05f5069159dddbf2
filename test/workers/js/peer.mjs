// peer.mjs -- the server's end of LGW/1, in memory: what the worker tests talk to.
//
// Starts the worker as a real process. Node's extra 'pipe' stdio is a Unix socketpair, so fd 3 of
// the worker is what it is in production.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { FrameReader, encodeFrame } from '../../../workers/js/frames.mjs';
import { Checkpoints } from './checkpoints.mjs';
import { MemoryItems } from './items.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
export const WORKER = path.join(here, '../../../workers/js/main.mjs');
export const PROJECT = path.join(here, '../../../examples/js-agent');

export class Peer {
    constructor({ checkpoints = new Checkpoints(), projectDir = PROJECT, env = {} } = {}) {
        this.checkpoints = checkpoints;
        this.items = new MemoryItems();
        this.projectDir = projectDir;
        this.autoCredit = true;
        this.held = null;
        this.stderr = '';
        this.asked = [];
        this.received = [];
        this.runs = new Map();
        this.nextId = 1;
        this.open = new Map();
        this.watchers = [];
        this.#spawn(env);
    }

    #spawn(env) {
        this.child = spawn(process.execPath, [WORKER], {
            cwd: this.projectDir,
            env: { ...process.env, LGW_FD: '3', ...env },
            stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
        });
        this.socket = this.child.stdio[3];
        const reader = new FrameReader((header, blobs) => this.#receive(header, blobs));
        this.socket.on('data', (chunk) => reader.push(chunk));
        this.socket.on('error', () => {});
        this.child.stderr.on('data', (text) => {
            this.stderr += text;
        });
        this.exited = new Promise((resolve) => {
            this.child.on('exit', (code, signal) => resolve({ code, signal }));
        });
    }

    send(header, blobs = []) {
        for (const buffer of encodeFrame(header, blobs)) this.socket.write(buffer);
    }

    /** Sends a request and resolves to {header, blobs: [parsed JSON, …]} of its reply. */
    ask(header, blobs) {
        const id = this.nextId++;
        return new Promise((resolve) => {
            this.open.set(id, resolve);
            this.send({ ...header, id }, blobs);
        });
    }

    /** Resolves to the first received message that fits. */
    seen(fits) {
        const found = this.received.find(({ header }) => fits(header));
        if (found) return Promise.resolve(found);
        return new Promise((resolve) => this.watchers.push({ fits, resolve }));
    }

    /** Resolves when a log line fits; the log is another pipe, so it may come after the answer. */
    async logged(pattern) {
        while (!pattern.test(this.stderr)) await once(this.child.stderr, 'data');
    }

    /** hello, init, and all load errors until ready. */
    async start(graphs, { config = {}, server = { version: 'test', url: 'http://server' } } = {}) {
        this.hello = (await this.seen(({ t }) => t === 'hello')).header;
        this.send({ t: 'init', project_dir: this.projectDir, graphs, config, server });
        this.ready = (await this.seen(({ t }) => t === 'ready')).header;
        this.loadErrors = this.received
            .map(({ header }) => header)
            .filter(({ t }) => t === 'load_error');
        return this;
    }

    /** Starts a run; resolves to {events, done} when it has ended. */
    run(graphId, fields = {}) {
        const { input, command, thread_id = crypto.randomUUID(), ...rest } = fields;
        const run_id = fields.run_id ?? crypto.randomUUID();
        const blobs = [];
        const blobOf = (value) => blobs.push(JSON.stringify(value)) - 1;
        const { configurable, ...config } = rest.config ?? {};
        const header = {
            t: 'run.start',
            attempt: 1,
            assistant_id: 'an-assistant',
            stream_modes: ['values'],
            durability: 'async',
            checkpointing: true,
            ...rest,
            run_id,
            thread_id,
            graph_id: graphId,
            config: {
                metadata: {},
                ...config,
                configurable: { thread_id, run_id, graph_id: graphId, ...configurable },
            },
        };
        if (input !== undefined) header.input = blobOf(input);
        if (command !== undefined) header.command = blobOf(command);
        const run = { run_id, thread_id, events: [], done: null };
        run.ended = new Promise((resolve) => {
            run.end = resolve;
        });
        this.runs.set(run_id, run);
        this.send(header, blobs);
        return run;
    }

    async finish(graphId, fields) {
        const run = this.run(graphId, fields);
        await run.ended;
        return run;
    }

    async stop() {
        this.socket.end();
        return this.exited;
    }

    #receive(header, blobs) {
        if (header.t === 'reply') {
            const resolve = this.open.get(header.re);
            this.open.delete(header.re);
            resolve({ header, blobs: blobs.map((blob) => JSON.parse(blob)) });
            return;
        }
        this.received.push({ header, blobs });
        if (header.t === 'run.event') this.#event(header, blobs);
        else if (header.t === 'run.done') this.#done(header, blobs);
        else if (header.id !== undefined) this.#answer(header, blobs);
        this.#wake(header, blobs);
    }

    #wake(header, blobs) {
        for (const watcher of this.watchers.filter(({ fits }) => fits(header))) {
            this.watchers.splice(this.watchers.indexOf(watcher), 1);
            watcher.resolve({ header, blobs });
        }
    }

    #event({ run_id, event }, [data]) {
        this.runs.get(run_id).events.push({ event, data: JSON.parse(data), bytes: data.length });
        if (this.autoCredit) this.send({ t: 'run.credit', run_id, bytes: data.length });
    }

    #done(header, blobs) {
        const done = { ...header };
        for (const key of ['state', 'values', 'interrupts'])
            if (header[key] !== undefined) done[key] = JSON.parse(blobs[header[key]]);
        const run = this.runs.get(header.run_id);
        run.done = done;
        run.end(run);
    }

    #answer(header, blobs) {
        this.asked.push(header.t);
        if (this.held && header.t === 'ckpt.put') this.held.push(() => this.#reply(header, blobs));
        else this.#reply(header, blobs);
    }

    /** Answers the puts that were held back, and holds no more. */
    release() {
        for (const answer of this.held.splice(0)) answer();
        this.held = null;
    }

    #reply(header, blobs) {
        try {
            const [fields, replyBlobs] = this.#answerTo(header, blobs);
            this.send({ t: 'reply', re: header.id, ok: true, ...fields }, replyBlobs);
        } catch (error) {
            const { code = 'failed', name: type, message } = error;
            this.send({ t: 'reply', re: header.id, ok: false, error: { code, type, message } });
        }
    }

    #answerTo(header, blobs) {
        if (header.t === 'store.batch') return [{ results: this.items.batch(header.ops) }, []];
        const operation = header.t.slice('ckpt.'.length);
        return this.checkpoints[operation](header, blobs);
    }
}
