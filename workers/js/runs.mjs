// runs.mjs -- the runs of this worker, from run.start to run.done.
//
// A run ends with exactly one run.done, whatever happened. A run whose events the server has not
// taken (more than 4 MiB of them) stops producing events until it has.

import { ACCESS } from './graphs.mjs';
import { addressFalsyResume, commandFrom, refuseUnknownResume } from './command.mjs';
import { withToken } from './loopback.mjs';
import { MessageStream } from './messages.mjs';
import { ProtocolRouter } from './protocol.mjs';
import { StreamRouter, libraryModes, looksIntoSubgraphs, needsEvents } from './stream.mjs';
import { describeError, render } from './render.mjs';
import { tracerOf } from './tracing.mjs';
import { CHECKPOINT_KEYS, interruptsByTask, runnableConfig, threadState } from './state.mjs';

const EVENT_BYTES_MAX = 4 * 1024 * 1024;

export class Runs {
    #link;
    #graphs;
    #heads;
    #server;
    #active = new Map();
    #whenIdle = [];
    #closing = false;

    constructor({ link, graphs, heads, server = {} }) {
        this.#link = link;
        this.#graphs = graphs;
        this.#heads = heads;
        this.#server = server;
    }

    start(header, blobs) {
        const run = new Run(header, blobs, {
            link: this.#link,
            graphs: this.#graphs,
            heads: this.#heads,
            serverUrl: this.#server.url,
        });
        if (this.#closing) run.cancel('shutdown');
        this.#active.set(header.run_id, run);
        withToken(header.loopback, () => run.execute()).finally(() => this.#ended(header.run_id, run));
    }

    cancel({ run_id, reason }) {
        this.#active.get(run_id)?.cancel(reason);
    }

    credit({ run_id, bytes }) {
        this.#active.get(run_id)?.credit(bytes);
    }

    /** Starts no more runs; resolves when the last one has ended. */
    async close() {
        this.#closing = true;
        if (this.#active.size) await new Promise((resolve) => this.#whenIdle.push(resolve));
    }

    #ended(runId, run) {
        if (this.#active.get(runId) === run) this.#active.delete(runId);
        if (this.#active.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    }
}

class Run {
    #start;
    #blobs;
    #house;
    #abort = new AbortController();
    #router;
    #messages = null;
    #valuesText = null;
    #uncredited = 0;
    #onCredit = null;
    #graph = null;
    #library = null;
    #tracer;

    constructor(start, blobs, house) {
        this.#start = start;
        this.#blobs = blobs;
        this.#house = house;
        this.#tracer = tracerOf(start, (text) => this.#sendSpans(text));
        this.#router =
            start.protocol === 'v2'
                ? new ProtocolRouter((name, params) => this.#send(name, params))
                : new StreamRouter(
                      start.stream_modes ?? [],
                      (name, data, isLastValues) => {
                          const text = this.#send(name, data);
                          if (isLastValues) this.#valuesText = text;
                      },
                      { subgraphs: Boolean(start.subgraphs) },
                  );
    }

    cancel(reason) {
        this.#abort.abort(new Error(`the run was cancelled: ${reason}`));
        this.#onCredit?.();
    }

    credit(bytes) {
        this.#uncredited -= bytes;
        if (this.#uncredited <= EVENT_BYTES_MAX) this.#onCredit?.();
    }

    async execute() {
        const { heads } = this.#house;
        const { thread_id, checkpointing, durability } = this.#start;
        const hasHead = checkpointing !== false;
        if (hasHead) heads.begin(thread_id, { waits: durability === 'sync' });
        const ended = await this.#outcome();
        const head = hasHead ? await this.#readHead() : null;
        if (hasHead) heads.end(thread_id);
        this.#flushSpans();
        this.#done(ended, head);
    }

    #sendSpans(text) {
        const { run_id, attempt } = this.#start;
        this.#house.link.send({ t: 'run.spans', run_id, attempt }, [Buffer.from(text)]);
    }

    /* Before run.done: after it the server takes nothing more of this attempt. */
    #flushSpans() {
        try {
            this.#tracer?.flush();
        } catch (error) {
            console.error(`runbell worker: no trace of run ${this.#start.run_id}:`, error);
        }
    }

    async #outcome() {
        try {
            this.#abort.signal.throwIfAborted();
            await this.#follow();
            const failure = await this.#house.heads.settle(this.#start.thread_id);
            if (failure) throw failure;
            return { outcome: 'success' };
        } catch (error) {
            await this.#house.heads.settle(this.#start.thread_id);
            if (this.#abort.signal.aborted) return { outcome: 'cancelled' };
            return { outcome: 'error', error: describeError(error) };
        }
    }

    async #follow() {
        const { graph_id, config, context, checkpointing, stream_modes = [] } = this.#start;
        const opened = await this.#house.graphs.open(graph_id, config, {
            access: ACCESS.run,
            context,
            checkpointing: checkpointing !== false,
        });
        this.#graph = opened.graph;
        this.#library = opened.library;
        if (this.#tracer) this.#tracer.RunTree = opened.library.RunTree;
        const input = await this.#input();
        if (this.#start.protocol === 'v2') return this.#followProtocol(input);
        try {
            if (needsEvents(stream_modes)) await this.#followEvents(input);
            else await this.#followStream(input);
        } catch (error) {
            if (!this.#abort.signal.aborted) this.#router.end(error);
            throw error;
        }
        this.#router.end();
    }

    async #input() {
        const { input, command, resume, strict_resume } = this.#start;
        if (resume) return null;
        if (command === undefined) return input === undefined ? null : this.#json(input);
        const readState = () => this.#graph.getState(this.#config());
        const parsed = await addressFalsyResume(this.#json(command), readState);
        if (strict_resume) await refuseUnknownResume(parsed, readState);
        return commandFrom(parsed, this.#library.module);
    }

    #json(index) {
        return JSON.parse(this.#blobs[index].toString('utf8'));
    }

    #options() {
        const { run_id, context, interrupt_before, interrupt_after, durability } = this.#start;
        const { stream_modes = [], want_values } = this.#start;
        const options = {
            ...this.#config(),
            runId: run_id,
            streamMode: libraryModes(stream_modes, want_values),
            subgraphs: looksIntoSubgraphs(this.#start),
            signal: this.#abort.signal,
        };
        if (context !== undefined && context !== null) options.context = context;
        if (interrupt_before) options.interruptBefore = interrupt_before;
        if (interrupt_after) options.interruptAfter = interrupt_after;
        if (durability) options.durability = durability;
        if (this.#tracer) options.callbacks = [this.#tracer];
        return options;
    }

    #config() {
        const { config, attempt, resume } = this.#start;
        const merged = runnableConfig(config);
        merged.metadata = {
            ...merged.metadata,
            run_attempt: attempt,
            langgraph_version: this.#library.version,
            langgraph_plan: 'developer',
            langgraph_host: 'self-hosted',
            ...(this.#house.serverUrl && { langgraph_api_url: this.#house.serverUrl }),
        };
        if (resume) for (const key of CHECKPOINT_KEYS) delete merged.configurable[key];
        return merged;
    }

    async #followStream(input) {
        const subgraphs = looksIntoSubgraphs(this.#start);
        for await (const chunk of await this.#graph.stream(input, this.#options())) {
            const [ns, mode, payload] = subgraphs ? chunk : [[], ...chunk];
            this.#router.route(ns, mode, payload);
            if (this.#uncredited > EVENT_BYTES_MAX) await this.#untilCredited();
        }
    }

    /* These events have all modes and all subgraphs: the library does not let anyone choose. */
    async #followProtocol(input) {
        const { streamMode, subgraphs, ...options } = this.#options();
        const run = await this.#graph.streamEvents(input, { ...options, version: 'v3' });
        for await (const event of run) {
            this.#router.route(event);
            if (this.#uncredited > EVENT_BYTES_MAX) await this.#untilCredited();
        }
        this.#abort.signal.throwIfAborted();
    }

    /* The slower way: every callback event of the run, with the stream's chunks among them. */
    async #followEvents(input) {
        const { stream_modes, run_id } = this.#start;
        const events = stream_modes.includes('events');
        if (stream_modes.includes('messages'))
            this.#messages = new MessageStream((name, data) => this.#send(name, data));
        const options = { ...this.#options(), version: 'v2' };
        for await (const event of this.#graph.streamEvents(input, options)) {
            if (event.tags?.includes('langsmith:hidden')) continue;
            const isChunk = event.event === 'on_chain_stream' && event.run_id === run_id;
            if (isChunk) this.#routeChunk(event.data.chunk);
            else if (events) this.#send('events', event);
            if (event.event === 'on_chat_model_stream') this.#messages?.token(event);
            if (this.#uncredited > EVENT_BYTES_MAX) await this.#untilCredited();
        }
    }

    #routeChunk(chunk) {
        const [ns, mode, payload] = looksIntoSubgraphs(this.#start) ? chunk : [[], ...chunk];
        this.#router.route(ns, mode, payload);
        if (mode === 'values' && ns.length === 0) this.#messages?.values(payload);
    }

    #send(event, data) {
        const { run_id, attempt } = this.#start;
        const text = render(data);
        const bytes = Buffer.from(text);
        this.#house.link.send({ t: 'run.event', run_id, attempt, event }, [bytes]);
        this.#uncredited += bytes.length;
        return text;
    }

    async #untilCredited() {
        while (this.#uncredited > EVENT_BYTES_MAX && !this.#abort.signal.aborted)
            await new Promise((resolve) => {
                this.#onCredit = resolve;
            });
        this.#onCredit = null;
        this.#abort.signal.throwIfAborted();
    }

    /* Failing to read the head must not hide how the run ended. */
    async #readHead() {
        if (!this.#graph) return null;
        try {
            return await this.#snapshot();
        } catch (error) {
            console.error(`runbell worker: no head state of run ${this.#start.run_id}:`, error);
            return null;
        }
    }

    /* The head of the thread: from what this run stored where that is certain, else by asking. */
    async #snapshot() {
        const { thread_id } = this.#start;
        const { configurable } = runnableConfig(this.#start.config);
        for (const key of CHECKPOINT_KEYS) delete configurable[key];
        const head = { ...configurable, thread_id, checkpoint_ns: '' };
        const row = this.#house.heads.take(thread_id);
        const { saver } = this.#library;
        if (row) head.__pregel_checkpointer = { getTuple: () => saver.decode(row) };
        return this.#graph.getState({ configurable: head });
    }

    #done({ outcome, error }, head) {
        const { run_id, attempt } = this.#start;
        const blobs = [];
        const add = (text) => blobs.push(text) - 1;
        const fields = { t: 'run.done', run_id, attempt, outcome, error, next: head?.next ?? [] };
        const values = outcome === 'success' ? this.#resultText(head) : null;
        if (values !== null) fields.values = add(values);
        if (head) fields.state = add(render(threadState(head)));
        const interrupts = head && interruptsByTask(head);
        if (interrupts) fields.interrupts = add(render(interrupts));
        this.#sendDone(fields, blobs);
    }

    #resultText(head) {
        const { want_values, stream_modes = [] } = this.#start;
        if (!want_values && !stream_modes.includes('values')) return null;
        if (!this.#router.interrupts && this.#valuesText !== null) return this.#valuesText;
        const result = this.#router.result(head?.values);
        return result === undefined ? null : render(result);
    }

    #sendDone(fields, blobs) {
        const { link } = this.#house;
        try {
            link.send(fields, blobs);
        } catch (error) {
            const { state, values, interrupts, ...rest } = fields;
            link.send({ ...rest, outcome: 'error', error: describeError(error) });
        }
    }
}
