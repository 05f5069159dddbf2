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
    const { tasks = [] } = await readState();
    const waiting = tasks.flatMap((task) => task.interrupts ?? []).find(({ id }) => id);
    return waiting ? { ...command, resume: { [waiting.id]: command.resume } } : command;
}
