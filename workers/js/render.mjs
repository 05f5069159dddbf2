// render.mjs -- any value of user code as one line of JSON in the form of the API.
//
// Messages are flat objects ({content, type, id, …}), never the constructor form of LangChain.
// What JSON does not know has one rendering: BigInt a number (a string beyond 2^53), Map an
// object, Set an array, bytes base64, Error {error, message}, a cycle "[Circular]".

/** The JSON text of a value; a value that JSON has no word for is null. */
export function render(value) {
    return JSON.stringify(plain(value, [])) ?? 'null';
}

/** What the API calls the class and the text of something thrown. */
export function describeError(thrown) {
    if (!(thrown instanceof Error)) return { type: 'Error', message: textOf(thrown) };
    const named = thrown.name && thrown.name !== 'Error' ? thrown.name : thrown.constructor?.name;
    return { type: named || 'Error', message: String(thrown.message) };
}

function textOf(thrown) {
    return typeof thrown === 'string' ? thrown : render(thrown);
}

/* Returns the value itself where nothing has to change, so that plain data costs no copy. */
function plain(value, ancestors) {
    if (typeof value === 'bigint') return plainBigInt(value);
    if (value === null || typeof value !== 'object') return value;
    if (ancestors.includes(value)) return '[Circular]';
    ancestors.push(value);
    const result = plainObject(value, ancestors);
    ancestors.pop();
    return result;
}

function plainBigInt(value) {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
}

function plainObject(value, ancestors) {
    if (Array.isArray(value)) return plainArray(value, ancestors);
    const prototype = Object.getPrototypeOf(value);
    if (
        (prototype === Object.prototype || prototype === null) &&
        typeof value.toJSON !== 'function'
    )
        return plainFields(value, ancestors);
    return plainSpecial(value, ancestors);
}

function plainArray(array, ancestors) {
    let copy = null;
    for (let i = 0; i < array.length; i++) {
        const rendered = plain(array[i], ancestors);
        if (rendered === array[i]) continue;
        copy ??= array.slice();
        copy[i] = rendered;
    }
    return copy ?? array;
}

function plainFields(object, ancestors) {
    let copy = null;
    for (const key of Object.keys(object)) {
        const field = object[key];
        const rendered = plain(field, ancestors);
        if (rendered === field) continue;
        copy ??= { ...object };
        setField(copy, key, rendered);
    }
    return copy ?? object;
}

/* Assigning to "__proto__" would set the prototype instead of a field. */
function setField(object, key, value) {
    Object.defineProperty(object, key, {
        value,
        enumerable: true,
        writable: true,
        configurable: true,
    });
}

function plainSpecial(value, ancestors) {
    if (typeof value.toDict === 'function' && typeof value.getType === 'function') {
        const { type, data } = value.toDict();
        return plainFields({ ...data, type }, ancestors);
    }
    if (value.lc_serializable !== undefined) return plainLangChain(value, ancestors);
    if (value instanceof Error) return plainError(value);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
    if (value instanceof Map) return plainMap(value, ancestors);
    if (value instanceof Set) return plainArray([...value], ancestors);
    if (value instanceof RegExp) return String(value);
    if (ArrayBuffer.isView(value)) return plainBytes(value, ancestors);
    if (typeof value.toJSON === 'function') return plain(value.toJSON(), ancestors);
    return plainFields({ ...value }, ancestors);
}

function plainError(error) {
    const { type, message } = describeError(error);
    return { error: type, message };
}

function plainMap(map, ancestors) {
    const object = {};
    for (const [key, field] of map) setField(object, String(key), field);
    return plainFields(object, ancestors);
}

function plainBytes(view, ancestors) {
    if (view instanceof Uint8Array)
        return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('base64');
    return view instanceof DataView ? null : plainArray([...view], ancestors);
}

/* The constructor form names its secrets instead of telling them; they are left out. */
function plainLangChain(value, ancestors) {
    const form = value.toJSON();
    if (form?.type !== 'constructor') return { type: value.constructor?.name ?? 'object' };
    const kwargs = {};
    for (const [key, field] of Object.entries(form.kwargs ?? {}))
        if (!isSecret(field)) setField(kwargs, key, field);
    return plainFields(kwargs, ancestors);
}

function isSecret(field) {
    return field !== null && typeof field === 'object' && field.lc === 1 && field.type === 'secret';
}
