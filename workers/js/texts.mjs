// texts.mjs -- which texts of an item are indexed: the paths of `store.index.fields`.
//
// "$" is the whole value as JSON. Else a path has steps: `name`, `[0]`, `[-1]`, `[*]` and `*` (each of
// them), `{one,other.inner}` (several fields). The library of JavaScript exports no reader of these;
// what they mean, and the JSON's form, are those of the Python library.

const STEP = /\[[^\]]*\]?|\{[^}]*\}?|[^.[{]+/g;

/** The texts at a path, in order; none if there is nothing. */
export function textsAt(value, path) {
    if (path === '' || path === '$') return [jsonOf(value)];
    return at(value, path.match(STEP) ?? []);
}

function at(value, [step, ...rest]) {
    if (step === undefined) return textOf(value);
    if (step.startsWith('{'))
        return fieldsOf(step).flatMap((field) => textOf(inner(value, field.match(STEP) ?? [])));
    return next(value, step).flatMap((one) => at(one, rest));
}

function next(value, step) {
    if (step === '*') return value && typeof value === 'object' ? Object.values(value) : [];
    if (!step.startsWith('[')) return has(value, step) ? [value[step]] : [];
    if (!Array.isArray(value) || !step.endsWith(']')) return [];
    if (step === '[*]') return value;
    const index = Number(step.slice(1, -1));
    const found = Number.isInteger(index) ? value.at(index) : undefined;
    return found === undefined ? [] : [found];
}

function fieldsOf(step) {
    const end = step.endsWith('}') ? -1 : undefined;
    return step.slice(1, end).split(',').map((field) => field.trim());
}

function inner(value, names) {
    return names.reduce((part, name) => (has(part, name) ? part[name] : undefined), value);
}

function has(value, name) {
    return value !== null && typeof value === 'object' && !Array.isArray(value) && Object.hasOwn(value, name);
}

function textOf(value) {
    if (value === null || value === undefined) return [];
    return [typeof value === 'object' ? jsonOf(value) : String(value)];
}

function jsonOf(value) {
    if (Array.isArray(value)) return `[${value.map(jsonOf).join(', ')}]`;
    if (value === null || typeof value !== 'object') return JSON.stringify(value);
    const members = Object.keys(value).sort();
    return `{${members.map((key) => `${JSON.stringify(key)}: ${jsonOf(value[key])}`).join(', ')}}`;
}
