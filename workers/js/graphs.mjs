// graphs.mjs -- the graphs of a project: loads their modules and opens them for a call.
//
// What may be exported: a compiled graph, a builder (compiled here), a wrapper with a compiled
// graph under `.graph`, a promise of one of these, or a factory. A factory is called for each call
// with the effective configuration, because it may make a different graph each time.

import path from 'node:path';

import { LoadError, explainLoadError } from './load_errors.mjs';

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
    #modules;
    #loaded = new Map();

    constructor(libraries, modules) {
        this.#libraries = libraries;
        this.#modules = modules;
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
            return explainLoadError(error, spec, this.#modules.projectDir);
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
        const { exported, source } = await this.#modules.load(spec, round);
        const library = await this.#libraries.from(path.dirname(source.sourceFile));
        const usable = typeof exported === 'function' ? exported : compiledFrom(exported);
        return { exported: usable, library, source };
    }
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
