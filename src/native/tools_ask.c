/* tools_ask.c -- which tools an MCP server has, for whoever edits an agent: asked with what the
 * workspace knows of it, kept for five minutes.
 *
 *   store: what lets in ─▶ initialize … tools/list ─▶ the answer, kept */
#include "native/run_priv.h"

#include "base/mem.h"

#define KEPT_US (5 * 60 * US_PER_SECOND)
#define ANSWER_BYTES_MAX (8 * MIB)

/* Heap; the list of the tools as JSON. */
struct tools_answer {
    struct buf key, tools;
    int64_t fetched_us;
};

struct tools_ask {
    struct list node;
    struct native *native;
    struct agent_ask *ask; /* NULL: it has its answer, the store's work is to come */
    struct arena arena;
    struct store_work work;
    struct spec spec;
    struct mcp_server server;
    struct str tenant, url, key, why;
    bool is_working; /* the work is at the store */
    bool is_open;    /* `server` is there */
};

/* ---- what is kept ---- */

static struct str key_of(struct arena *arena, struct str tenant, struct str url)
{
    while (str_ends(url, STR("/")))
        url.len--;
    return arena_printf(arena, "%.*s %.*s", STR_ARG(tenant), STR_ARG(url));
}

static void answer_free(struct tools_answer *answer)
{
    if (!answer)
        return;
    buf_release(&answer->key);
    buf_release(&answer->tools);
    mem_free(answer);
}

void tools_answers_release(struct native *native)
{
    for (size_t i = 0; i < TOOLS_ANSWERS_MAX; i++) {
        answer_free(native->tools_answers[i]);
        native->tools_answers[i] = NULL;
    }
}

static const struct tools_answer *kept(struct native *native, struct str key)
{
    int64_t now_us = loop_wall_us(native->loop);

    for (size_t i = 0; i < TOOLS_ANSWERS_MAX; i++) {
        const struct tools_answer *answer = native->tools_answers[i];

        if (answer && str_eq(buf_str(&answer->key), key) && now_us >= answer->fetched_us &&
            now_us - answer->fetched_us < KEPT_US)
            return answer;
    }
    return NULL;
}

/* In the place of the same key, a free one, or the oldest. */
static const struct tools_answer *keep(struct tools_ask *ask, struct str tools)
{
    struct native *native = ask->native;
    struct tools_answer *answer = MEM_NEW(struct tools_answer);
    size_t place = 0;

    for (size_t i = 0; i < TOOLS_ANSWERS_MAX; i++) {
        const struct tools_answer *there = native->tools_answers[i];
        const struct tools_answer *best = native->tools_answers[place];

        if (there && str_eq(buf_str(&there->key), ask->key)) {
            place = i;
            break;
        }
        if (best && (!there || there->fetched_us < best->fetched_us))
            place = i;
    }
    answer_free(native->tools_answers[place]);
    buf_init(&answer->key, ANSWER_BYTES_MAX);
    buf_init(&answer->tools, ANSWER_BYTES_MAX);
    buf_add(&answer->key, ask->key);
    buf_add(&answer->tools, tools);
    answer->fetched_us = loop_wall_us(native->loop);
    native->tools_answers[place] = answer;
    return answer;
}

/* ---- the answer ---- */

static void ask_free(struct tools_ask *ask)
{
    struct native *native = ask->native;

    if (ask->is_open)
        mcp_release(&ask->server);
    spec_release(&ask->spec);
    list_remove(&ask->node);
    arena_release(&ask->arena);
    mem_free(ask);
    roster_let_go(&native->roster);
}

static void answer(struct tools_ask *ask, enum err err, struct str text)
{
    struct agent_ask *asked = ask->ask;

    ask->ask = NULL;
    asked->on_answer(asked, err, text, STR_NONE);
    if (!ask->is_working)
        ask_free(ask);
}

static void answer_tools(struct tools_ask *ask, const struct tools_answer *tools, bool cached)
{
    struct json_writer json;
    struct str text;
    struct buf out;

    buf_init(&out, 2 * ANSWER_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_bool(&json, "cached", cached);
    json_put_time(&json, "fetched_at", tools->fetched_us);
    json_put_raw(&json, "tools", buf_str(&tools->tools));
    json_end_object(&json);
    text = arena_str(&ask->arena, buf_str(&out));
    buf_release(&out);
    answer(ask, OK, text);
}

static struct str tools_text(struct tools_ask *ask)
{
    static const char *const members[] = {
        "name", "title", "description", "inputSchema", "outputSchema", "annotations", "_meta"};
    struct json_writer json;
    struct buf out;

    buf_init(&out, ANSWER_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    for (size_t i = 0; i < ask->server.tool_count; i++) {
        json_begin_object(&json);
        for (size_t m = 0; m < ARRAY_LEN(members); m++) {
            struct str raw = json_raw(ask->server.tools[i].text, str_of(members[m]));

            if (!str_is_none(raw))
                json_put_raw(&json, members[m], raw);
        }
        json_end_object(&json);
    }
    json_end_array(&json);
    return buf_keep(&out, &ask->arena);
}

static void on_opened(struct mcp_server *server, struct str why)
{
    struct tools_ask *ask = server->context;
    struct str tools = str_is_none(why) ? tools_text(ask) : STR_NONE;

    if (!str_is_none(why))
        answer(ask, ERR_IO, why);
    else if (str_is_none(tools))
        answer(ask, ERR_IO, STR("its tools are described in more than 8 MiB"));
    else
        answer_tools(ask, keep(ask, tools), false);
}

/* ---- the question ---- */

static enum err load_apply(struct tx *tx, struct store_work *work)
{
    struct tools_ask *ask = CONTAINER_OF(work, struct tools_ask, work);
    enum err err = spec_server_load(tx, ask->tenant, ask->url, &ask->arena, &ask->spec, &ask->why);

    return err == ERR_INVALID ? OK : err;
}

static void load_done(struct store_work *work, enum err err)
{
    struct tools_ask *ask = CONTAINER_OF(work, struct tools_ask, work);

    ask->is_working = false;
    if (!ask->ask) {
        ask_free(ask);
        return;
    }
    if (err) {
        answer(ask, ERR_IO, STR("what the workspace knows of the server could not be read"));
        return;
    }
    mcp_init(&ask->server, ask->native->loop, ask->native->client, &ask->arena);
    ask->is_open = true;
    if (str_is_none(ask->why) &&
        spec_server_aim(&ask->spec.servers[0], &ask->server, &ask->why) == OK)
        mcp_open(&ask->server, on_opened, ask);
    else
        answer(ask, ERR_INVALID, ask->why);
}

void tools_ask_start(struct native *native, struct agent_ask *asked)
{
    struct tools_ask *ask = MEM_NEW(struct tools_ask);
    const struct tools_answer *before;
    const struct json *body = NULL;

    ask->native = native;
    ask->ask = asked;
    arena_init(&ask->arena);
    list_push(&native->tools_asks, &ask->node);
    roster_hold(&native->roster);
    if (json_parse(&ask->arena, asked->body, &body, NULL))
        body = NULL;
    ask->tenant = arena_str(&ask->arena, asked->tenant);
    ask->url = json_string(json_get(body, "url"));
    ask->key = key_of(&ask->arena, asked->tenant, ask->url);
    before = kept(native, ask->key);
    if (before && !json_bool(json_get(body, "refresh"), false)) {
        answer_tools(ask, before, true);
        return;
    }
    ask->work.apply = load_apply;
    ask->work.done = load_done;
    ask->work.reply_to = native->loop;
    ask->is_working = true;
    store_read(native->store, &ask->work);
}

void tools_asks_stop(struct native *native)
{
    struct list *node = native->tools_asks.next;

    while (node != &native->tools_asks) {
        struct tools_ask *ask = LIST_ITEM(node, struct tools_ask, node);

        node = node->next;
        if (ask->ask)
            answer(ask, ERR_AGAIN, STR("The server is shutting down."));
    }
}
