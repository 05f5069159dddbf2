// schemas.mjs -- JSON Schemas of a graph or subgraph: {state, input, output, config}.
//
// A graph whose state is a StateSchema or is made with Zod knows its own. The schemas of all other
// graphs stand in TypeScript types only; @langchain/langgraph-api, if the project has it, reads them.
// What nobody knows is told by the graph's channels: which members there are, of any type.

import path from 'node:path';

import { findPackage, importEntry } from './packages.mjs';

const API = '@langchain/langgraph-api';
const STATIC_TIMEOUT_MS = 30_000;
const PARTIAL_STATE = Symbol.for('langgraph.state.partial');

const bySource = new Map();

export async function schemasOf({ graph, library, source, namespace = null }) {
    const known = await knownSchemas({ graph, library, source, namespace });
    const { state, input, output } = fromChannels(graph);
    return {
        state: known.state ?? state,
        input: known.input ?? input,
        output: known.output ?? output,
        config: known.config ?? {},
    };
}

async function knownSchemas({ graph, library, source, namespace }) {
    const own = fromStateSchema(graph.builder) ?? (await fromZod(graph, library));
    if (own) return own;
    const api = await schemaReader(source);
    if (!api) return {};
    return (await api.getRuntimeGraphSchema?.(graph)) ?? fromTypes(api, source, namespace);
}

function fromStateSchema(builder = {}) {
    const { _schemaRuntimeDefinition, _inputRuntimeDefinition, _outputRuntimeDefinition } = builder;
    const whole = asStateSchema(_schemaRuntimeDefinition);
    const output = asStateSchema(_outputRuntimeDefinition);
    const input =
        _inputRuntimeDefinition === PARTIAL_STATE ? whole : asStateSchema(_inputRuntimeDefinition);
    if (!whole && !input && !output) return null;
    return {
        state: whole?.getJsonSchema(),
        input: input?.getInputJsonSchema(),
        output: output?.getJsonSchema(),
        config: undefined,
    };
}

function asStateSchema(definition) {
    const knows =
        typeof definition?.getJsonSchema === 'function' &&
        typeof definition.getInputJsonSchema === 'function';
    return knows ? definition : null;
}

async function fromZod(graph, library) {
    let zod;
    try {
        zod = await importEntry(library.found, './zod/schema', library.kind);
    } catch {
        return null; // this version of the library, or this project, is without Zod
    }
    const schemas = {
        state: zod.getUpdateTypeSchema(graph),
        input: zod.getInputTypeSchema(graph),
        output: zod.getOutputTypeSchema(graph),
        config: zod.getConfigTypeSchema(graph),
    };
    return Object.values(schemas).some(Boolean) ? schemas : null;
}

async function schemaReader({ sourceFile }) {
    const found = findPackage(API, path.dirname(sourceFile));
    if (found) return importEntry(found, './schema');
    console.error(
        `runbell worker: no schemas for ${sourceFile}: its state has none at run time; ` +
            `"npm install --save-dev ${API}" lets them be read from its types`,
    );
    return null;
}

function fromChannels(graph) {
    const { _inputDefinition } = graph.builder ?? {};
    return {
        state: objectOf(graph.streamChannelsList),
        input: objectOf(_inputDefinition ? Object.keys(_inputDefinition) : graph.inputChannels),
        output: objectOf(graph.outputChannels),
    };
}

/* Names with two underscores are the library's own. */
function objectOf(channels) {
    const names = [channels ?? []].flat().filter((name) => !name.startsWith('__'));
    if (names.length === 0) return {};
    return { type: 'object', properties: Object.fromEntries(names.map((name) => [name, {}])) };
}

async function fromTypes(api, source, namespace) {
    const key = `${source.sourceFile}:${source.exportSymbol}`;
    if (!bySource.has(key)) bySource.set(key, readTypes(api, source));
    const schemas = await bySource.get(key);
    const root = Object.keys(schemas).find((name) => !name.includes('|'));
    return schemas[namespace === null ? root : `${root}|${namespace}`] ?? {};
}

async function readTypes(api, source) {
    const timeoutMs = Number(process.env.LANGGRAPH_SCHEMA_RESOLVE_TIMEOUT_MS) || STATIC_TIMEOUT_MS;
    try {
        return await api.getStaticGraphSchema(source, { timeoutMs });
    } catch (error) {
        console.error(`runbell worker: no schemas for ${source.sourceFile}:`, error);
        return {};
    }
}
