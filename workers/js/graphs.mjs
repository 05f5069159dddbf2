// graphs.mjs -- the graphs of a project: loads their modules and opens them for a call.
//
// What may be exported: a compiled graph, a builder (compiled here), a wrapper with a compiled
// graph under `.graph`, a promise of one of these, or a factory. A factory is called for each call
// with the effective configuration, because it may make a different graph each time.

import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { LoadError, explainLoadError } from './load_errors.mjs';
import { findPackage, importEntry } from './packages.mjs';

const TYPESCRIPT = new Set(['.ts', '.mts', '.cts', '.tsx']);

/** Which access a factory is told about, in the words of the ecosystem's own server. */
export const ACCESS = {
    run: 'threads.create_run',
    readState: 'threads.read',
    writeState: 'threads.update',
    describe: 'assistants.read',
};

/** No graph of that name was loaded. */
export class UnknownGraphError extends Error {
    name = 'UnknownGraphError';
    code = 'not_found';
}

export class Graphs {
    #libraries;
    #projectDir;
    #loaded = new Map();
    #typescript = null;

    constructor(libraries, projectDir) {
        this.#libraries = libraries;
        this.#projectDir = projectDir;
    }

    /**
     * Loads one graph; resolves to null, or to {type, message} of what went wrong. A round above 0
     * loads its modules anew.
     */
    async load(graphId, { path: spec }, round = 0) {
        try {
            this.#loaded.set(graphId, await this.#loadSpec(spec, round));
            return null;
        } catch (error) {
            return explainLoadError(error, spec, this.#projectDir);
        }
    }

    /** {sourceFile, exportSymbol} of a loaded graph. */
    sourceOf(graphId) {
        return this.#get(graphId).source;
    }

    /**
     * The graph for one call: {graph, library}. `checkpointing` false gives it no checkpointer.
     * The shared instance always has one; a call without gets a view of it that has none.
     */
    async open(graphId, config, { access, context, checkpointing = true }) {
        const { exported, library } = this.#get(graphId);
        const runtime = {
            accessContext: access,
            executionRuntime: access === ACCESS.run ? { context } : null,
        };
        const graph = compiledFrom(
            typeof exported === 'function' ? await exported(config, runtime) : exported,
        );
        const own = await this.#libraries.of(graph, library);
        graph.checkpointer = own.saver;
        graph.store = own.store;
        if (checkpointing) return { graph, library: own };
        const view = Object.create(graph, { checkpointer: { value: undefined, writable: true } });
        return { graph: view, library: own };
    }

    #get(graphId) {
        const loaded = this.#loaded.get(graphId);
        if (!loaded) throw new UnknownGraphError(`no graph "${graphId}" is loaded here`);
        return loaded;
    }

    async #loadSpec(spec, round) {
        const source = this.#sourceOf(spec);
        const module = await this.#import(source.sourceFile, round);
        const exported = await exportOf(module, source.exportSymbol);
        const library = await this.#libraries.from(path.dirname(source.sourceFile));
        const usable = typeof exported === 'function' ? exported : compiledFrom(exported);
        return { exported: usable, library, source };
    }

    #sourceOf(spec) {
        const colon = spec.lastIndexOf(':');
        const file = colon > 0 ? spec.slice(0, colon) : spec;
        const exportSymbol = colon > 0 ? spec.slice(colon + 1) : 'default';
        const sourceFile = path.resolve(this.#projectDir, file);
        if (!fs.existsSync(sourceFile)) throw new LoadError(`there is no file ${sourceFile}`);
        return { sourceFile, exportSymbol };
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
            'a TypeScript graph needs the package tsx, which is not installed; ' +
                'run "npm install --save-dev tsx", or point langgraph.json at compiled JavaScript',
        );
    const { register } = await importEntry(found, './esm/api');
    register();
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

/* The compiled graph in what was exported or returned. createAgent's wrapper has both a builder's
 * looks and the compiled graph under `.graph`, so that is looked at first. */
function compiledFrom(exported) {
    const inner = exported?.graph;
    if (isCompiled(inner)) return inner;
    if (isCompiled(exported)) return exported;
    if (typeof exported?.compile === 'function') return exported.compile();
    throw new LoadError(
        'the export is not a graph; export a compiled graph, a StateGraph, or a function that returns one',
    );
}

function isCompiled(graph) {
    return (
        typeof graph?.streamEvents === 'function' && typeof graph?.getStateHistory === 'function'
    );
}
