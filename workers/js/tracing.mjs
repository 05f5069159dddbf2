// tracing.mjs -- runs trace themselves: what LangChain tells of a run goes to the server as spans.
//
// The spans travel over the link: no key, no network. Each is told once, at its end; the root also at
// its beginning. Nothing here fails a run, and nothing waits. Who traces elsewhere (LANGSMITH_TRACING
// in the environment, whatever its value) is left alone.
//
// By its name and some of its methods the tracer is LangChain's own, so the library puts the span of a
// node around its code, where langsmith's `traceable` looks for what it is below; and what such spans
// take for their client is here too.

import process from 'node:process';

import { render } from './render.mjs';

const FLUSH_BYTES = 256 * 1024;
const SPAN_BYTES_MAX = 32 * 1024 * 1024;
const SWITCHES = ['LANGSMITH_TRACING', 'LANGSMITH_TRACING_V2', 'LANGCHAIN_TRACING', 'LANGCHAIN_TRACING_V2'];

const TOLD = [
    ...['id', 'trace_id', 'parent_run_id', 'dotted_order', 'name', 'run_type', 'start_time', 'end_time', 'error'],
    ...['events', 'tags', 'serialized', 'reference_example_id'],
];

let on = false;

/** Once, with the server's word on it. */
export function install(init) {
    on = init.tracing === true && !SWITCHES.some((name) => name in process.env);
}

/** What listens to the run, to be given to the library as a callback; null: nothing does. */
export function tracerOf(start, send) {
    return on ? new Tracer(start, send) : null;
}

class Tracer {
    name = 'langchain_tracer';
    RunTree = null; // langsmith's, if the project has it
    awaitHandlers = true; // it only gathers, so it need not be queued
    raiseError = false;
    ignoreLLM = false;
    ignoreChain = false;
    ignoreAgent = false;
    ignoreRetriever = false;
    ignoreCustomEvent = true;
    lc_prefer_streaming = false;
    #send;
    #project;
    #metadata;
    #open = new Map();
    #posts = [];
    #patches = [];
    #bytes = 0;
    #last = 0;

    constructor(start, send) {
        const { thread_id, run_id, assistant_id, graph_id } = start;
        this.#send = send;
        this.#project = graph_id || 'default';
        this.#metadata = { thread_id, run_id, assistant_id, graph_id };
    }

    copy() {
        return this;
    }

    // ---- what the library asks of a tracer of its own ----

    client = {
        createRun: async (run) => this.#told(this.#posts, run),
        updateRun: async (id, run) => this.#told(this.#patches, { ...run, id }),
        flush: async () => {},
        awaitPendingTraceBatches: async () => {},
    };

    get projectName() {
        return this.#project;
    }

    copyWithTracingConfig() {
        return this;
    }

    getRun(id) {
        return this.#open.get(id);
    }

    getRunTreeWithTracingConfig(id) {
        const span = this.#open.get(id);
        if (!span || !this.RunTree) return undefined;
        const { trace_id, dotted_order, name, run_type, parent_run_id } = span;
        const place = { id, trace_id, dotted_order, parent_run_id, start_time: Date.parse(span.start_time) };
        const rest = { client: this.client, project_name: this.#project, tracingEnabled: true };
        return new this.RunTree({ name, run_type, ...place, ...rest });
    }

    /** What the library runs inside a function of langsmith's is below it. */
    updateFromRunTree({ id, trace_id, dotted_order }) {
        this.#open.set(id, { id, trace_id, dotted_order });
    }

    /* A span of langsmith's functions: it has begun, or what became of it. */
    #told(to, { inputs, outputs, extra, ...run }) {
        this.#safely(() => {
            const head = {};
            for (const key of TOLD) if (run[key] !== undefined && run[key] !== null) head[key] = run[key];
            head.session_name = this.#project;
            head.extra = { ...extra, metadata: { ...this.#metadata, ...extra?.metadata } };
            const text = (value) => (value === undefined || value === null ? undefined : render(value));
            this.#add(to, head, text(inputs), text(outputs));
        });
    }

    // ---- what it is told ----

    handleChainStart(serialized, inputs, runId, parentId, tags, metadata, runType, name) {
        this.#begin(runId, parentId, serialized, 'chain', name, object(inputs, 'input'), { tags, metadata });
    }

    handleChatModelStart(serialized, messages, runId, parentId, extra, tags, metadata, name) {
        this.#begin(runId, parentId, serialized, 'llm', name, { messages }, { tags, metadata, extra });
    }

    handleLLMStart(serialized, prompts, runId, parentId, extra, tags, metadata, name) {
        this.#begin(runId, parentId, serialized, 'llm', name, { prompts }, { tags, metadata, extra });
    }

    handleToolStart(serialized, input, runId, parentId, tags, metadata, name) {
        this.#begin(runId, parentId, serialized, 'tool', name, object(input, 'input'), { tags, metadata });
    }

    handleRetrieverStart(serialized, query, runId, parentId, tags, metadata, name) {
        this.#begin(runId, parentId, serialized, 'retriever', name, { query }, { tags, metadata });
    }

    handleLLMNewToken(_token, _at, runId) {
        const span = this.#open.get(runId);
        if (span && !span.events) span.events = [{ name: 'new_token', time: new Date().toISOString() }];
    }

    handleChainEnd(outputs, runId) {
        this.#end(runId, object(outputs, 'output'));
    }

    handleLLMEnd(outputs, runId) {
        this.#end(runId, outputs);
    }

    handleToolEnd(output, runId) {
        this.#end(runId, object(output, 'output'));
    }

    handleRetrieverEnd(documents, runId) {
        this.#end(runId, { documents });
    }

    handleChainError(error, runId) {
        this.#end(runId, undefined, error);
    }

    handleLLMError(error, runId) {
        this.#end(runId, undefined, error);
    }

    handleToolError(error, runId) {
        this.#end(runId, undefined, error);
    }

    handleRetrieverError(error, runId) {
        this.#end(runId, undefined, error);
    }

    flush() {
        const [posts, patches] = [this.#posts, this.#patches];
        if (!posts.length && !patches.length) return;
        this.#posts = [];
        this.#patches = [];
        this.#bytes = 0;
        this.#send(`{"post":[${posts.join()}],"patch":[${patches.join()}]}`);
    }

    #begin(id, parentId, serialized, type, name, inputs, { tags, metadata, extra }) {
        this.#safely(() => {
            const parent = parentId && this.#open.get(parentId);
            const began = this.#now();
            const segment = `${began.replace(/[-:.]/g, '')}${id}`;
            const span = {
                id,
                trace_id: parent ? parent.trace_id : id,
                dotted_order: parent ? `${parent.dotted_order}.${segment}` : segment,
                name: this.#nameOf(parent, name ?? serialized?.name ?? serialized?.id?.at(-1) ?? type),
                run_type: type,
                start_time: began,
                session_name: this.#project,
                extra: { ...extra, metadata: { ...this.#metadata, ...metadata } },
                ...(parent && { parent_run_id: parentId }),
                ...(tags?.length && { tags }),
            };
            this.#open.set(id, span);
            const text = render(inputs);
            if (parent) span.inputs = text;
            else this.#add(this.#posts, span, text);
        });
    }

    #end(id, outputs, error) {
        const span = this.#open.get(id);
        if (!span) return;
        this.#open.delete(id);
        if (span.tags?.includes('langsmith:hidden')) return; // the library's own steps
        this.#safely(() => {
            const { inputs, ...head } = span;
            head.end_time = this.#now();
            /* A graph that stops to ask somebody has not failed. */
            if (error && !error.is_bubble_up) head.error = String(error?.stack ?? error);
            const text = outputs === undefined ? undefined : render(outputs);
            this.#add(span.parent_run_id ? this.#posts : this.#patches, head, inputs, text);
            if (this.#bytes > FLUSH_BYTES) this.flush();
        });
    }

    /* Of a graph that has no name of its own: the one in langgraph.json. */
    #nameOf(parent, name) {
        return !parent && name === 'LangGraph' ? this.#project : name;
    }

    #add(to, head, inputs, outputs) {
        let text = render(head).slice(0, -1);
        if (inputs !== undefined) text += `,"inputs":${inputs}`;
        if (outputs !== undefined) text += `,"outputs":${outputs}`;
        if (text.length > SPAN_BYTES_MAX) return;
        to.push(`${text}}`);
        this.#bytes += text.length;
    }

    /* Microseconds that rise, so that spans sort as they began. */
    #now() {
        this.#last = Math.max(Date.now() * 1000, this.#last + 1);
        const ms = Math.floor(this.#last / 1000);
        const us = String(this.#last % 1000).padStart(3, '0');
        return new Date(ms).toISOString().replace('Z', `${us}Z`);
    }

    #safely(work) {
        try {
            work();
        } catch (error) {
            console.error('runbell worker: a span is not traced:', error);
        }
    }
}

function object(value, name) {
    const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
    return isObject ? value : { [name]: value };
}
