// checkpoints.mjs -- the server's checkpoint rows, in memory, as docs/worker-protocol.md tells them.

export class Checkpoints {
    rows = [];
    writes = [];
    replyRowsMax = Infinity;

    get({ thread_id, ns, checkpoint_id }) {
        const [row] = this.#sorted().filter(
            (one) =>
                one.thread_id === thread_id &&
                one.ns === ns &&
                (!checkpoint_id || one.checkpoint_id === checkpoint_id),
        );
        if (!row) return [{ found: false }, []];
        const blobs = [];
        return [{ found: true, tuple: this.#tuple(row, blobs) }, blobs];
    }

    list({ thread_id, ns, checkpoint_id, before, filter = {}, limit = Infinity }) {
        const rows = this.#sorted().filter(
            (row) =>
                (thread_id === undefined || row.thread_id === thread_id) &&
                (ns === undefined || row.ns === ns) &&
                (checkpoint_id === undefined || row.checkpoint_id === checkpoint_id) &&
                (before === undefined || row.checkpoint_id < before) &&
                Object.entries(filter).every(([key, value]) => row.metadata[key] === value),
        );
        const some = rows.slice(0, limit);
        if (some.length > this.replyRowsMax)
            throw Object.assign(new Error('the reply is too large'), { code: 'too_large' });
        const blobs = [];
        return [{ tuples: some.map((row) => this.#tuple(row, blobs)) }, blobs];
    }

    put({ thread_id, ns, checkpoint_id, parent_id, run_id, type, metadata }, [bytes]) {
        const copy = Buffer.from(bytes);
        this.rows = this.rows.filter(
            (row) =>
                !(
                    row.thread_id === thread_id &&
                    row.ns === ns &&
                    row.checkpoint_id === checkpoint_id
                ),
        );
        const row = { thread_id, ns, checkpoint_id, parent_id: parent_id ?? null, type, metadata };
        this.rows.push({ ...row, run_id, bytes: copy });
        return [{}, []];
    }

    put_writes({ thread_id, ns, checkpoint_id, task_id, task_path, writes }, blobs) {
        for (const write of writes)
            this.#write({
                thread_id,
                ns,
                checkpoint_id,
                task_id,
                task_path,
                ...write,
                bytes: Buffer.from(blobs[write.blob]),
            });
        return [{}, []];
    }

    delete_thread({ thread_id }) {
        this.rows = this.rows.filter((row) => row.thread_id !== thread_id);
        this.writes = this.writes.filter((write) => write.thread_id !== thread_id);
        return [{}, []];
    }

    #write(write) {
        const keys = ['thread_id', 'ns', 'checkpoint_id', 'task_id', 'idx'];
        const at = this.writes.findIndex((one) => keys.every((key) => one[key] === write[key]));
        if (at < 0) this.writes.push(write);
        else if (write.idx < 0) this.writes[at] = write;
    }

    #sorted() {
        return this.rows.toSorted((a, b) => (a.checkpoint_id < b.checkpoint_id ? 1 : -1));
    }

    #tuple(row, blobs) {
        const { bytes, run_id, ...fields } = row;
        const blobOf = (value) => blobs.push(value) - 1;
        const writes = this.writes.filter(
            (write) =>
                write.thread_id === row.thread_id &&
                write.ns === row.ns &&
                write.checkpoint_id === row.checkpoint_id,
        );
        return {
            ...fields,
            blob: blobOf(bytes),
            writes: writes.map(({ task_id, task_path, idx, channel, type, bytes: value }) => ({
                ...{ task_id, task_path, idx, channel, type },
                blob: blobOf(value),
            })),
        };
    }
}
