// library.mjs -- the LangGraph of the user's project: its versions, its classes, our saver and store on it.
//
// LangGraph ships twice, as ESM and as CommonJS, and a graph belongs to one of the two. Classes
// are taken from the one that made the graph, so that `instanceof` in user code keeps working.

import { findPackage, importEntry } from './packages.mjs';
import { makeSaverClass } from './saver.mjs';
import { makeStoreClass, wakeOnDemand } from './store.mjs';

const NAME = '@langchain/langgraph';

/** The versions that hello tells, as seen from a folder; null for what is not installed. */
export function versions(from) {
    const versionOf = (name) => findPackage(name, from)?.manifest.version ?? null;
    return { lib_version: versionOf(NAME), sdk_version: versionOf('@langchain/langgraph-sdk') };
}

export class Libraries {
    #link;
    #heads;
    #loaded = new Map();

    constructor(link, heads) {
        this.#link = link;
        this.#heads = heads;
    }

    /** The ESM library as seen from a folder. */
    async from(folder) {
        const found = findPackage(NAME, folder);
        if (!found)
            throw new Error(
                `the package ${NAME} is not installed (looked from ${folder}); ` +
                    `run "npm install ${NAME} @langchain/core"`,
            );
        return this.#load(found, 'esm');
    }

    /** The library that a compiled graph was made with. */
    async of(graph, library) {
        if (graph instanceof library.Pregel) return library;
        const other = await this.#load(library.found, 'cjs');
        return graph instanceof other.Pregel ? other : library;
    }

    #load(found, kind) {
        const key = `${kind} ${found.dir}`;
        if (!this.#loaded.has(key)) this.#loaded.set(key, this.#make(found, kind));
        return this.#loaded.get(key);
    }

    async #make(found, kind) {
        const module = await importEntry(found, '.', kind);
        const { Pregel } = await importEntry(found, './pregel', kind);
        wakeOnDemand(module.AsyncBatchedStore);
        const Saver = makeSaverClass(module.BaseCheckpointSaver);
        const Store = makeStoreClass(module.BaseStore);
        return {
            found,
            kind,
            module,
            Pregel,
            version: found.manifest.version,
            saver: new Saver(this.#link, this.#heads),
            store: new Store(this.#link),
            RunTree: await runTreeOf(found, kind),
        };
    }
}

/* langsmith's span, as LangChain's core sees the package; null: it has none, or an old one. */
async function runTreeOf(found, kind) {
    const core = findPackage('@langchain/core', found.dir);
    const langsmith = core && findPackage('langsmith', core.dir);
    try {
        return langsmith ? ((await importEntry(langsmith, './run_trees', kind)).RunTree ?? null) : null;
    } catch {
        return null;
    }
}
