// embedding.mjs -- the user's own embedding function (`store.index`): texts become vectors.
//
// One question (`store.embed`) is a list of items to be put and of queries. The fields of an item
// that are indexed give texts (texts.mjs); each text is a vector.

import { LoadError, explainLoadError } from './load_errors.mjs';
import { textsAt } from './texts.mjs';

const TEXTS_MAX = 1000; // of one question

/** The function did not load. */
class UnavailableError extends Error {
    name = 'UnavailableError';
    code = 'unavailable';
}

/** A vector that does not fit, or none. */
class EmbeddingError extends Error {
    name = 'EmbeddingError';
}

export class Embedding {
    #index;
    #modules;
    #embeddings = null;

    constructor(index, modules) {
        this.#index = index;
        this.#modules = modules;
    }

    /** Resolves to null, or to {type, message} of what went wrong; then the old function stays. */
    async load(round = 0) {
        const { embed } = this.#index;
        try {
            const { exported } = await this.#modules.load(embed, round);
            this.#embeddings = embeddingsOf(exported);
            return null;
        } catch (error) {
            return explainLoadError(error, embed, this.#modules.projectDir);
        }
    }

    /** Takes and gives the blobs of the question and its answer. */
    async embed(blobs) {
        const { embed, fields } = this.#index;
        if (!this.#embeddings)
            throw new UnavailableError(
                `'${embed}' could not be loaded; the server's log says why`,
            );
        const asked = JSON.parse(blobs[0].toString('utf8'));
        const texts = asked.map(({ value, paths, query }) =>
            query === undefined
                ? (paths ?? fields ?? ['$']).flatMap((at) => textsAt(value, at))
                : [],
        );
        const all = texts.flat();
        const queries = asked.filter(({ query }) => query !== undefined);
        if (all.length + queries.length > TEXTS_MAX)
            throw new EmbeddingError(
                `${all.length} texts are to be embedded at once, ${TEXTS_MAX} may be`,
            );
        const vectors = all.length ? await this.#embeddings.documents(all) : [];
        if (vectors?.length !== all.length)
            throw new EmbeddingError(
                `'${embed}' returned ${vectors?.length ?? 'no'} vectors for ${all.length} texts`,
            );
        const parts = [];
        let next = 0;
        for (const [i, { query }] of asked.entries())
            if (query !== undefined) parts.push(this.#checked(await this.#embeddings.query(query)));
            else for (const _ of texts[i]) parts.push(this.#checked(vectors[next++]));
        const counts = asked.map(({ query }, i) => (query === undefined ? texts[i].length : 1));
        return [JSON.stringify(counts), Buffer.concat(parts)];
    }

    #checked(vector) {
        const numbers = Float32Array.from(vector ?? []);
        const { dims, embed } = this.#index;
        if (numbers.length !== dims)
            throw new EmbeddingError(
                `'${embed}' returned a vector of ${numbers.length} numbers; store.index.dims says ${dims}`,
            );
        if (!numbers.every(Number.isFinite))
            throw new EmbeddingError(`'${embed}' returned a vector with a number that is not finite`);
        return Buffer.from(numbers.buffer);
    }
}

/* A function of texts, or an Embeddings of LangChain. */
function embeddingsOf(exported) {
    if (typeof exported?.embedDocuments === 'function')
        return {
            documents: (texts) => exported.embedDocuments(texts),
            query: (text) => exported.embedQuery(text),
        };
    if (typeof exported !== 'function')
        throw new LoadError(
            'the export is neither a function of texts nor an Embeddings of @langchain/core',
        );
    return {
        documents: async (texts) => exported(texts),
        query: async (text) => (await exported([text]))?.[0],
    };
}
