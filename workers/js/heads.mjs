// heads.mjs -- what the runs of this worker store: which of it is still on its way, and the head it makes.
//
// Unless its durability is `sync`, a run does not wait for each answer to a put. Frames arrive in
// order, so the server commits many of them at once; the run waits for all answers before it ends,
// and reads wait for what was sent before them.
//
// The saver reports every put and every write here. When a run has ended, its head state is
// prepared from these bytes, the same that the server holds, instead of asking for them again.
// Law: `take` answers only if the kept checkpoint is certainly the greatest id of the root
// namespace: the head before was read, every put was acknowledged, and none was greater.

export class Heads {
    #threads = new Map();

    begin(threadId, { waits }) {
        const thread = { waits, seen: null, head: null, writes: new Map() };
        this.#threads.set(threadId, { ...thread, sent: new Set(), failure: null });
    }

    end(threadId) {
        this.#threads.delete(threadId);
    }

    /** The greatest id was asked for; '' says that there was none. */
    saw(threadId, checkpointId) {
        const thread = this.#threads.get(threadId);
        if (thread) thread.seen = checkpointId;
    }

    /** A checkpoint was put. */
    stored(row) {
        const thread = row.ns === '' && this.#threads.get(row.thread_id);
        if (!thread || (thread.head && thread.head.checkpoint_id > row.checkpoint_id)) return;
        if (thread.head) thread.writes.delete(thread.head.checkpoint_id);
        thread.head = row;
    }

    /* Writes may come before their checkpoint, because puts wait for one another and writes do not.
     * They are kept as the server keeps them: special channels (negative idx) overwrite, others
     * keep the first. */
    wrote(threadId, ns, checkpointId, writes) {
        const thread = ns === '' && this.#threads.get(threadId);
        if (!thread) return;
        if (!thread.writes.has(checkpointId)) thread.writes.set(checkpointId, new Map());
        const kept = thread.writes.get(checkpointId);
        for (const write of writes) {
            const key = `${write.task_id} ${write.idx}`;
            if (write.idx < 0 || !kept.has(key)) kept.set(key, write);
        }
    }

    /** Waits for the answer to a put or write, now or, if the run need not, when it settles. */
    async sent(threadId, answer) {
        const thread = this.#threads.get(threadId);
        if (!thread) return answer;
        const settled = answer.catch((error) => {
            thread.failure ??= error;
        });
        thread.sent.add(settled);
        settled.then(() => thread.sent.delete(settled));
        return thread.waits ? answer : undefined;
    }

    /** Resolves when nothing of the thread is on its way; to the first failure, if there was one. */
    async settle(threadId) {
        const thread = this.#threads.get(threadId);
        while (thread?.sent.size) await Promise.all(thread.sent);
        return thread?.failure ?? null;
    }

    /** The head as {…row, writes}, or null if it has to be read. */
    take(threadId) {
        const { seen = null, head = null, failure, writes } = this.#threads.get(threadId) ?? {};
        if (failure || seen === null || !head || head.checkpoint_id <= seen) return null;
        return { ...head, writes: [...(writes.get(head.checkpoint_id)?.values() ?? [])] };
    }
}
