// Handlers for the tests: everybody sees his own, what he was made a member of, and nothing else.

import { Auth, HTTPException } from '@langchain/langgraph-sdk/auth';

const PEOPLE = new Set(['ann', 'bob', 'guest']);

function own({ value, user }) {
    if (user.identity === 'guest') return false;
    value.metadata ??= {};
    value.metadata.owner = user.identity;
    return { owner: user.identity };
}

export const auth = new Auth()
    .authenticate(async (request) => {
        const name = (request.headers.get('authorization') ?? '').replace('Bearer ', '');
        if (!new URL(request.url).pathname.startsWith('/')) throw new Error('the request is told');
        if (!name)
            throw new HTTPException(401, {
                message: 'who are you?',
                headers: { 'WWW-Authenticate': 'Bearer' },
            });
        if (name === 'broken') throw new TypeError(name);
        if (name === 'nobody') return { permissions: [] };
        if (name === 'huge') return { identity: 'huge', more: 'x'.repeat(20000) };
        if (!PEOPLE.has(name)) throw new HTTPException(401, { message: `no such person: ${name}` });
        return { identity: name, permissions: [`${name}:all`], secret: `secret of ${name}` };
    })
    .on('*', own)
    .on('threads:read', ({ user }) => {
        if (user.identity === 'guest') throw new HTTPException(402, { message: 'pay first' });
        return { $or: [{ owner: { $eq: user.identity } }, { members: { $contains: user.identity } }] };
    })
    .on('*:delete', ({ resource, user }) => {
        if (user.identity === 'guest') throw new HTTPException(451, { message: `no ${resource} to delete` });
        return { owner: user.identity };
    })
    .on('store', ({ value, user }) => {
        value.namespace = [user.identity, ...value.namespace];
    })
    .on('crons:search', ({ user }) =>
        user.identity === 'guest' ? { owner: { $like: '%' } } : { owner: user.identity },
    )
    .on('crons:delete', ({ user }) => {
        if (user.identity === 'guest') throw new TypeError('a handler that fails');
        return { owner: user.identity };
    });
