// saver.mjs -- a checkpointer of LangGraph whose rows live in the server.
//
// Serialisation is the library's own (serde); the bytes travel as they are. The answers are those
// of the library's MemorySaver for the same operations (test/workers/js/saver.test.mjs).

import { render } from './render.mjs';

const PAGE_ROWS = 20;

/* Fixed places of the channels that overwrite; all others take their index in the list of writes. */
const SPECIAL_IDX = { __error__: -1, __scheduled__: -2, __interrupt__: -3, __resume__: -4 };

const NOT_METADATA = new Set(['checkpoint_ns', 'checkpoint_id', 'run_id', 'thread_id']);
const SCALARS = new Set(['string', 'number', 'boolean']);

export function makeSaverClass(BaseCheckpointSaver) {
    return class ServerSaver extends BaseCheckpointSaver {
        #link;
        #heads;

        constructor(link, heads) {
            super();
            this.#link = link;
            this.#heads = heads;
        }

        async getTuple(config) {
            const { threadId, ns, checkpointId } = keyOf(config);
            if (!threadId) return undefined;
            await this.#heads.settle(threadId);
            const { header, blobs } = await this.#link.ask({
                t: 'ckpt.get',
                thread_id: threadId,
                ns,
                checkpoint_id: checkpointId,
            });
            const row = header.found ? rowOf(header.tuple, blobs) : null;
            if (ns === '' && !checkpointId) this.#heads.saw(threadId, row?.checkpoint_id ?? '');
            if (!row) return undefined;
            return this.decode(row, checkpointId ? config : undefined);
        }

        async *list(config, options = {}) {
            const { before, filter } = options;
            const { threadId, checkpointId } = keyOf(config);
            await this.#heads.settle(threadId);
            const question = {
                t: 'ckpt.list',
                thread_id: threadId,
                ns: config?.configurable?.checkpoint_ns,
                checkpoint_id: checkpointId,
                before: before?.configurable?.checkpoint_id,
                filter: filter && JSON.parse(render(filter)),
            };
            for await (const row of pagesOf(this.#link, question, options.limit))
                yield await this.decode(row);
        }

        async put(config, checkpoint, metadata) {
            const { threadId, ns } = keyOf(config);
            if (!threadId) throw new Error('a checkpoint needs a "thread_id" in its configurable');
            const [type, bytes] = await this.serde.dumpsTyped(checkpoint);
            const row = {
                thread_id: threadId,
                ns,
                checkpoint_id: checkpoint.id,
                parent_id: config.configurable.checkpoint_id,
                type,
                metadata: storedMetadata(config, metadata),
            };
            const question = { t: 'ckpt.put', ...row, run_id: config.configurable.run_id };
            await this.#heads.sent(threadId, this.#link.ask(question, [bytes]));
            this.#heads.stored({ ...row, bytes });
            return {
                configurable: {
                    thread_id: threadId,
                    checkpoint_ns: ns,
                    checkpoint_id: checkpoint.id,
                },
            };
        }

        async putWrites(config, writes, taskId) {
            const { threadId, ns, checkpointId } = keyOf(config);
            if (!threadId || !checkpointId)
                throw new Error('writes need a "thread_id" and a "checkpoint_id"');
            const typed = await Promise.all(
                writes.map(([, value]) => this.serde.dumpsTyped(value)),
            );
            const rows = writes.map(([channel], i) => ({
                idx: SPECIAL_IDX[channel] ?? i,
                channel,
                type: typed[i][0],
                blob: i,
            }));
            const question = {
                t: 'ckpt.put_writes',
                thread_id: threadId,
                ns,
                checkpoint_id: checkpointId,
                task_id: taskId,
                task_path: '',
                writes: rows,
                run_id: config.configurable.run_id,
            };
            const kept = rows.map((row, i) => ({ ...row, task_id: taskId, bytes: typed[i][1] }));
            this.#heads.wrote(threadId, ns, checkpointId, kept);
            const blobs = typed.map(([, bytes]) => bytes);
            await this.#heads.sent(threadId, this.#link.ask(question, blobs));
        }

        async deleteThread(threadId) {
            await this.#link.ask({ t: 'ckpt.delete_thread', thread_id: threadId });
        }

        /** A row (bytes) as the library's tuple (values). */
        async decode(row, config) {
            const { thread_id, ns, checkpoint_id, parent_id } = row;
            const load = (typed) => this.serde.loadsTyped(typed.type, typed.bytes);
            const at = (id) => ({
                configurable: { thread_id, checkpoint_ns: ns, checkpoint_id: id },
            });
            const tuple = {
                config: config ?? at(checkpoint_id),
                checkpoint: await load(row),
                metadata: row.metadata,
                pendingWrites: await Promise.all(
                    row.writes
                        .toSorted(byTaskAndIdx)
                        .map(async (write) => [write.task_id, write.channel, await load(write)]),
                ),
            };
            if (parent_id) tuple.parentConfig = at(parent_id);
            return tuple;
        }
    };
}

/* One question per page, so that the history of a long thread never has to fit into one frame. A
 * page goes on from the last id, which is only possible inside one namespace of one thread. */
async function* pagesOf(link, question, limit = Infinity) {
    const paged = question.thread_id !== undefined && question.ns !== undefined;
    let left = limit;
    let pageRows = PAGE_ROWS;
    while (left > 0) {
        const asked = Math.min(left, paged ? pageRows : Infinity);
        const { header, blobs } = await link
            .ask({ ...question, limit: Number.isFinite(asked) ? asked : undefined })
            .catch((error) => {
                if (!paged || asked === 1 || error.code !== 'too_large') throw error;
                return {};
            });
        if (!header) {
            pageRows = Math.ceil(asked / 2);
            continue;
        }
        for (const tuple of header.tuples) yield rowOf(tuple, blobs);
        left -= header.tuples.length;
        if (!paged || header.tuples.length < asked) return;
        question.before = header.tuples.at(-1).checkpoint_id;
    }
}

function keyOf(config) {
    const { thread_id, checkpoint_ns, checkpoint_id, thread_ts } = config?.configurable ?? {};
    return {
        threadId: thread_id,
        ns: checkpoint_ns ?? '',
        checkpointId: checkpoint_id || thread_ts || undefined,
    };
}

function rowOf(tuple, blobs) {
    const writes = tuple.writes.map((write) => ({ ...write, bytes: blobs[write.blob] }));
    return { ...tuple, bytes: blobs[tuple.blob], writes };
}

function byTaskAndIdx(a, b) {
    if (a.task_id !== b.task_id) return a.task_id < b.task_id ? -1 : 1;
    return a.idx - b.idx;
}

/* What the server filters history by: scalars of the configuration, the run's metadata, the step's. */
function storedMetadata(config, metadata) {
    const stored = {};
    for (const [key, value] of Object.entries(config.configurable ?? {}))
        if (!key.startsWith('__') && !NOT_METADATA.has(key) && SCALARS.has(typeof value))
            stored[key] = value;
    return JSON.parse(render({ ...stored, ...config.metadata, ...metadata }));
}
