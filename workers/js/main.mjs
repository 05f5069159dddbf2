// main.mjs -- the JavaScript worker: hosts LangGraph.js graphs for the server at the other end of LGW_FD.
//
// Started in the project's folder as `node main.mjs`. Says hello, is told its graphs by `init`,
// loads them, and from then on runs them and answers questions until the socket ends
// (docs/worker-protocol.md). It has no state that would be missed when it is killed.

import fs from 'node:fs';
import net from 'node:net';
import process from 'node:process';

import { InvalidRequestError, answers } from './answers.mjs';
import { Auth } from './auth.mjs';
import { Embedding } from './embedding.mjs';
import { Graphs } from './graphs.mjs';
import { Heads } from './heads.mjs';
import { Libraries, versions } from './library.mjs';
import { Link } from './link.mjs';
import { install as installLoopback } from './loopback.mjs';
import { Modules, isJavaScript } from './modules.mjs';
import { watchProject } from './reloading.mjs';
import { Runs } from './runs.mjs';
import { describeError } from './render.mjs';
import { install as installTracing } from './tracing.mjs';
import { WebApp } from './webapp.mjs';

const EXIT_START = 1;
const EXIT_PROTOCOL = 2;

const RUN_MESSAGES = {
    'run.start': (runs, header, blobs) => runs.start(header, blobs),
    'run.cancel': (runs, header) => runs.cancel(header),
    'run.credit': (runs, header) => runs.credit(header),
};

class Worker {
    #link;
    #graphs = null;
    #runs = null;
    #auth = null;
    #embedding = null;
    #webapp = null;

    constructor(socket) {
        this.#link = new Link(socket, {
            onMessage: (header, blobs) => this.#receive(header, blobs),
            onEnd: () => process.exit(0),
            onBroken: (error) => die(EXIT_PROTOCOL, `broken frame: ${error.message}`),
        });
    }

    hello() {
        this.#link.send({
            t: 'hello',
            proto: 1,
            lang: 'js',
            lang_version: process.versions.node,
            ...versions(process.cwd()),
            pid: process.pid,
        });
    }

    #receive(header, blobs) {
        if (header.t === 'init') this.#init(header);
        else if (Object.hasOwn(RUN_MESSAGES, header.t)) this.#runMessage(header, blobs);
        else if (header.t.startsWith('http.')) this.#webapp?.receive(header, blobs);
        else if (header.id !== undefined) this.#answer(header, blobs);
    }

    #runMessage(header, blobs) {
        if (!this.#runs || typeof header.run_id !== 'string')
            die(EXIT_PROTOCOL, `${header.t} before init or without a run_id`);
        RUN_MESSAGES[header.t](this.#runs, header, blobs);
    }

    async #loadAgain(graphs, round) {
        const failed = [];
        for (const [id, spec] of Object.entries(graphs)) {
            const error = await this.#graphs.load(id, spec, round);
            if (error) failed.push({ id, error });
        }
        const error = await this.#auth?.load(round);
        if (error) failed.push({ id: 'auth', error });
        const broken = await this.#embedding?.load(round);
        if (broken) failed.push({ id: 'store.index', error: broken });
        const down = await this.#webapp?.load(round);
        if (down) failed.push({ id: 'http.app', error: down });
        return failed;
    }

    async #init(init) {
        const { project_dir, graphs, server, dev, config } = init;
        if (server?.url) installLoopback(server.url);
        installTracing(init);
        const heads = new Heads();
        const link = this.#link;
        const modules = new Modules(project_dir ?? process.cwd());
        this.#graphs = new Graphs(new Libraries(link, heads), modules);
        this.#runs = new Runs({ link, graphs: this.#graphs, heads, server });
        const loaded = [];
        for (const [id, spec] of Object.entries(graphs ?? {})) {
            const error = await this.#graphs.load(id, spec);
            if (error) link.send({ t: 'load_error', graph_id: id, error });
            else loaded.push({ id, description: spec.description });
        }
        await this.#loadAuth(config?.auth, modules);
        await this.#loadEmbedding(config?.store?.index, modules);
        await this.#loadWebApp(init, modules);
        if (dev) watchProject(project_dir, (round) => this.#loadAgain(graphs ?? {}, round));
        link.send({ t: 'ready', graphs: loaded });
    }

    async #loadAuth(config, modules) {
        if (!isJavaScript(config?.path)) return;
        this.#auth = new Auth(config, modules);
        const error = await this.#auth.load();
        if (error) this.#link.send({ t: 'load_error', part: 'auth', error });
    }

    async #loadEmbedding(index, modules) {
        if (!isJavaScript(index?.embed)) return;
        this.#embedding = new Embedding(index, modules);
        const error = await this.#embedding.load();
        if (error) this.#link.send({ t: 'load_error', part: 'store.index', error });
    }

    async #loadWebApp(init, modules) {
        if (!isJavaScript(init.config?.http?.app)) return;
        this.#webapp = new WebApp(init, this.#link, modules);
        const error = await this.#webapp.load();
        if (error) this.#link.send({ t: 'load_error', part: 'http.app', error });
    }

    async #answer(header, blobs) {
        try {
            if (header.t === 'ping') this.#link.reply(header);
            else if (header.t === 'shutdown') await this.#shutdown(header);
            else this.#link.reply(header, {}, await this.#ask(header, blobs));
        } catch (error) {
            this.#link.replyError(header, { code: codeOf(error), ...describeError(error) });
        }
    }

    async #ask(header, blobs) {
        if (header.t === 'auth.check' && this.#auth) return this.#auth.check(blobs);
        if (header.t === 'store.embed' && this.#embedding) return this.#embedding.embed(blobs);
        const answer = Object.hasOwn(answers, header.t) ? answers[header.t] : null;
        if (!answer) throw new InvalidRequestError(`unknown request ${header.t}`);
        if (!this.#graphs) throw new InvalidRequestError(`${header.t} before init`);
        return answer({ graphs: this.#graphs, header, blobs });
    }

    async #shutdown(header) {
        await this.#runs?.close();
        this.#link.reply(header);
        this.#link.drain(() => process.exit(0));
    }
}

const CODES = new Set(['invalid', 'not_found', 'conflict', 'too_large', 'unavailable']);

/* What the library says of a wrong node or of wrong values is the client's error: a 5xx would be sent again. */
function codeOf(error) {
    if (CODES.has(error?.code)) return error.code;
    return error?.name === 'InvalidUpdateError' ? 'invalid' : 'failed';
}

function die(code, message) {
    fs.writeSync(2, `runbell worker: ${message}\n`);
    process.exit(code);
}

/* A promise that user code forgot must not end the runs of everybody else. */
process.on('unhandledRejection', (reason) => {
    console.error('runbell worker: unhandled rejection:', reason);
});

const fd = Number(process.env.LGW_FD);
if (!Number.isInteger(fd) || fd < 3)
    die(EXIT_START, 'LGW_FD is not set; the server starts workers');
new Worker(new net.Socket({ fd, readable: true, writable: true })).hello();
