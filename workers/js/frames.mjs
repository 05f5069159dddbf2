// frames.mjs -- LGW/1 frames: bytes to (header, blobs) and back (docs/worker-protocol.md, "Frames").
//
// Law: the lengths of a frame add up exactly. A reader that finds anything else throws
// ProtocolError, and the connection is over; a writer never makes such a frame.

export const FRAME_BYTES_MAX = 64 * 1024 * 1024;

const PREFIX_BYTES = 8;
const COPY_BYTES_MAX = 64 * 1024;

export class ProtocolError extends Error {
    name = 'ProtocolError';
}

/** A value that does not fit into one frame. */
export class FrameTooLarge extends Error {
    name = 'FrameTooLarge';
    code = 'too_large';
}

/** The frame as a list of buffers: one if it is small, else one per part, so that blobs are not copied. */
export function encodeFrame(header, blobs = []) {
    const parts = blobs.map(toBuffer);
    const full = parts.length ? { ...header, blobs: parts.map((part) => part.length) } : header;
    const head = Buffer.from(JSON.stringify(full));
    const blobBytes = parts.reduce((sum, part) => sum + part.length, 0);
    const frameBytes = 4 + head.length + blobBytes;
    if (frameBytes > FRAME_BYTES_MAX) {
        const mib = (frameBytes / 1024 / 1024).toFixed(1);
        throw new FrameTooLarge(
            `a ${header.t} of ${mib} MiB does not fit into one message (64 MiB at most)`,
        );
    }
    const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
    prefix.writeUInt32LE(frameBytes, 0);
    prefix.writeUInt32LE(head.length, 4);
    const all = [prefix, head, ...parts];
    return frameBytes <= COPY_BYTES_MAX ? [Buffer.concat(all, frameBytes + 4)] : all;
}

function toBuffer(blob) {
    if (typeof blob === 'string') return Buffer.from(blob);
    if (Buffer.isBuffer(blob)) return blob;
    return Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
}

/** Collects chunks and hands out whole frames. */
export class FrameReader {
    #chunks = [];
    #bytes = 0;
    #needed = 4;
    #onFrame;

    constructor(onFrame) {
        this.#onFrame = onFrame;
    }

    push(chunk) {
        this.#chunks.push(chunk);
        this.#bytes += chunk.length;
        if (this.#bytes < this.#needed) return;
        let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#bytes);
        rest = this.#takeFrames(rest);
        this.#chunks = rest.length ? [rest] : [];
        this.#bytes = rest.length;
    }

    #takeFrames(bytes) {
        for (;;) {
            this.#needed = 4;
            if (bytes.length < 4) return bytes;
            const frameBytes = bytes.readUInt32LE(0);
            if (frameBytes < 4 || frameBytes > FRAME_BYTES_MAX)
                throw new ProtocolError(`a frame of ${frameBytes} bytes`);
            this.#needed = 4 + frameBytes;
            if (bytes.length < this.#needed) return bytes;
            const frame = bytes.subarray(4, this.#needed);
            bytes = bytes.subarray(this.#needed);
            this.#onFrame(...decodeFrame(frame));
        }
    }
}

function decodeFrame(frame) {
    const headerBytes = frame.readUInt32LE(0);
    if (headerBytes > frame.length - 4)
        throw new ProtocolError(`a header of ${headerBytes} bytes in a frame of ${frame.length}`);
    const header = parseHeader(frame.subarray(4, 4 + headerBytes));
    return [header, cutBlobs(frame.subarray(4 + headerBytes), header.blobs ?? [])];
}

function parseHeader(bytes) {
    let header;
    try {
        header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    } catch (error) {
        throw new ProtocolError(`a header that is not JSON: ${error.message}`);
    }
    if (header === null || typeof header !== 'object' || Array.isArray(header))
        throw new ProtocolError('a header that is not an object');
    if (typeof header.t !== 'string') throw new ProtocolError('a header without a type');
    return header;
}

function cutBlobs(bytes, lengths) {
    if (!Array.isArray(lengths)) throw new ProtocolError('"blobs" is not an array');
    const blobs = [];
    let at = 0;
    for (const length of lengths) {
        if (!Number.isSafeInteger(length) || length < 0)
            throw new ProtocolError('a blob length that is not a whole number');
        if (at + length > bytes.length) throw new ProtocolError('blobs longer than their frame');
        blobs.push(bytes.subarray(at, at + length));
        at += length;
    }
    if (at !== bytes.length) throw new ProtocolError('blobs shorter than their frame');
    return blobs;
}
