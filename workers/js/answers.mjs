// answers.mjs -- what the server asks about graphs and threads, and how it is answered.
//
// Each function takes ({graphs, header, blobs}) and resolves to the blobs of the reply, as JSON text.

import { ACCESS } from './graphs.mjs';
import { commandFrom } from './command.mjs';
import { render } from './render.mjs';
import { schemasOf } from './schemas.mjs';
import { runnableConfig, threadState } from './state.mjs';

export const answers = {
    'graph.draw': draw,
    'graph.schemas': schemas,
    'graph.subgraphs': subgraphs,
    'state.get': stateGet,
    'state.history': stateHistory,
    'state.update': stateUpdate,
    'state.bulk_update': stateBulkUpdate,
};

/** A request that lacks something or has it in the wrong form. */
export class InvalidRequestError extends Error {
    name = 'InvalidRequestError';
    code = 'invalid';
}

function open({ graphs, header }, access) {
    if (typeof header.graph_id !== 'string')
        throw new InvalidRequestError(`${header.t} needs a graph_id`);
    return graphs.open(header.graph_id, header.config ?? { configurable: {} }, { access });
}

function jsonOf({ header, blobs }) {
    if (!blobs[0]) throw new InvalidRequestError(`${header.t} needs its JSON as blob 0`);
    return JSON.parse(blobs[0].toString('utf8'));
}

async function draw(question) {
    const { graph } = await open(question, ACCESS.describe);
    const { config, xray } = question.header;
    const options = runnableConfig(config);
    if (xray) options.xray = xray;
    const drawable = await graph.getGraphAsync(options);
    const { nodes, edges } = drawable.toJSON();
    return [render({ nodes, edges })];
}

async function schemas(question) {
    const { graph, library } = await open(question, ACCESS.describe);
    const { graph_id } = question.header;
    const source = question.graphs.sourceOf(graph_id);
    const schema = await schemasOf({ graph, library, source });
    return [
        render({
            graph_id,
            input_schema: schema.input,
            output_schema: schema.output,
            state_schema: schema.state,
            config_schema: schema.config,
            context_schema: schema.config,
        }),
    ];
}

/* Both spellings of the keys: the JavaScript server's and the official ones. */
async function subgraphs(question) {
    const { graph, library } = await open(question, ACCESS.describe);
    const { graph_id, namespace, recurse } = question.header;
    const source = question.graphs.sourceOf(graph_id);
    const found = {};
    for await (const [ns, subgraph] of graph.getSubgraphsAsync(namespace ?? undefined, recurse)) {
        const { state, input, output, config } = await schemasOf({
            graph: subgraph,
            library,
            source,
            namespace: ns,
        });
        found[ns] = {
            ...{ state, input, output, config, context: config },
            state_schema: state,
            input_schema: input,
            output_schema: output,
            config_schema: config,
            context_schema: config,
        };
    }
    return [render(found)];
}

async function stateGet(question) {
    const { graph } = await open(question, ACCESS.readState);
    const { config, subgraphs: withSubgraphs } = question.header;
    const snapshot = await graph.getState(runnableConfig(config), {
        subgraphs: Boolean(withSubgraphs),
    });
    return [render(threadState(snapshot))];
}

async function stateHistory(question) {
    const { graph } = await open(question, ACCESS.readState);
    const { config, limit, before, filter } = question.header;
    const options = { limit, filter };
    if (before) options.before = { configurable: { checkpoint_id: before } };
    const states = [];
    for await (const snapshot of graph.getStateHistory(runnableConfig(config), options))
        states.push(threadState(snapshot));
    return [render(states)];
}

async function stateUpdate(question) {
    const { graph } = await open(question, ACCESS.writeState);
    const { as_node } = question.header;
    const config = updateConfig(question.header.config);
    const updated = await graph.updateState(config, jsonOf(question), as_node);
    return updateReply(graph, updated);
}

async function stateBulkUpdate(question) {
    const { graph, library } = await open(question, ACCESS.writeState);
    const supersteps = jsonOf(question).map(({ updates }) => ({
        updates: updates.map(({ values, command, as_node }) => ({
            values: command ? commandFrom(command, library.module) : values,
            asNode: as_node,
        })),
    }));
    const updated = await graph.bulkUpdateState(updateConfig(question.header.config), supersteps);
    return updateReply(graph, updated);
}

function updateConfig(config) {
    const own = runnableConfig(config);
    own.configurable.checkpoint_ns ??= '';
    return own;
}

async function updateReply(graph, { configurable }) {
    const { thread_id, checkpoint_ns = '', checkpoint_id } = configurable;
    const head = await graph.getState({ configurable: { thread_id, checkpoint_ns: '' } });
    return [
        render({ checkpoint: { thread_id, checkpoint_ns, checkpoint_id } }),
        render(threadState(head)),
    ];
}
