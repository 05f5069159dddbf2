// command.mjs -- a run's input as the library wants it: plain input, a Command, or null to go on.

/** Commands are {update?, resume?, goto?}; goto is a name, {node, input}, or a list of these. */
export function commandFrom(command, { Command, Send }) {
    const targets =
        command.goto === undefined || command.goto === null ? [] : [command.goto].flat();
    const args = {
        goto: targets.map((to) =>
            typeof to === 'string' ? to : new Send(to.node, to.input ?? null),
        ),
        update: command.update ?? undefined,
    };
    if ('resume' in command) args.resume = command.resume;
    return new Command(args);
}

/**
 * The library takes `null`, false, 0 and '' for "no answer". As an answer to the interrupt by its
 * id they are understood, so an answer of that kind is addressed to the first interrupt that waits.
 */
export async function addressFalsyResume(command, readState) {
    if (!('resume' in command) || command.resume) return command;
    const [id] = await pendingIds(readState);
    return id ? { ...command, resume: { [id]: command.resume } } : command;
}

export class UnknownInterruptError extends Error {
    name = 'UnknownInterruptError';
}

/** What the library of Python does if asked to be strict: nothing is answered that does not wait. */
export async function refuseUnknownResume({ resume }, readState) {
    if (resume === undefined || resume === null) return;
    const pending = await pendingIds(readState);
    const ids = isById(resume) ? Object.keys(resume) : null;
    if (ids === null && pending.length > 1)
        throw new UnknownInterruptError(
            `${pending.length} interrupts are pending; say by interrupt id which one to resume`,
        );
    const unknown = ids?.find((id) => !pending.includes(id));
    if (unknown)
        throw new UnknownInterruptError(`unknown or already-consumed interrupt: ${unknown}`);
}

/* {id: answer}: ids are 32 hexadecimal digits. {} is an answer like any other. */
function isById(resume) {
    const keys = typeof resume === 'object' && !Array.isArray(resume) ? Object.keys(resume) : [];
    return keys.length > 0 && keys.every((key) => /^[0-9a-f]{32}$/.test(key));
}

async function pendingIds(readState) {
    const { tasks = [] } = await readState();
    return tasks.flatMap((task) => task.interrupts ?? []).flatMap(({ id }) => id ?? []);
}
