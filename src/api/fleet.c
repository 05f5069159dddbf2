/* What Fleet's resources share: who asks, pages, an agent found, errors. */
#include "api/fleet_priv.h"

#include "base/uuid.h"
#include "fleet/agent_files.h"

#define CURSOR_BYTES_MAX 80

/* ---- who asks ---- */

static struct str user_id_of(const struct call *call, struct str name)
{
    struct uuid_text text;

    uuid_write(uuid_v5(uuid_namespace_assistants, name), &text);
    return arena_str(call->arena, str_of(text.text));
}

/* A key is whose email stands on it, else a user of its own. A server without keys has one user,
 * and so have the runs of a workspace that call it. */
struct person fleet_person(const struct call *call)
{
    const struct principal *p = &call->principal;
    struct str email = p->key ? p->key->email : STR_NONE;
    struct person person = {.email = email, .is_admin = p->role == ROLE_ADMIN};

    if (!str_is_none(email)) {
        const struct str parts[] = {STR("mailto:"), email};

        person.user_id = user_id_of(call, arena_concat(call->arena, parts, ARRAY_LEN(parts)));
    } else {
        person.user_id = p->key ? p->key->key_id : user_id_of(call, p->tenant);
    }
    return person;
}

/* ---- pages ---- */

/* "1700000000000000_<id>" */
static enum err cursor_read(struct str cursor, struct fleet_page *page)
{
    struct str us = str_first(cursor, str_find_char(cursor, '_'));
    struct str id = str_from(cursor, us.len + 1);

    if (cursor.len > CURSOR_BYTES_MAX || id.len == 0 || str_to_i64(us, &page->before_us) ||
        page->before_us <= 0)
        return ERR_INVALID;
    page->before_id = id;
    return OK;
}

enum err fleet_page_read(struct call *call, struct fleet_page *page)
{
    struct str cursor = query_get(&call->query, "cursor");
    enum err err;

    *page = (struct fleet_page){.size = 20, .before_id = STR("")};
    if ((err = call_query_int(call, "page_size", 1, FLEET_PAGE_MAX, &page->size)))
        return err;
    if (!str_is_empty(cursor) && cursor_read(cursor, page)) {
        call_fail(call, 422, "cursor: is not one that this server gave");
        return ERR_INVALID;
    }
    return OK;
}

void fleet_page_begin(struct call *call, struct json_writer **json)
{
    *json = call_json(call, 200);
    json_begin_object(*json);
    json_key(*json, "items");
    json_begin_array(*json);
}

void fleet_page_end(struct call *call, int64_t last_us, struct str last_id)
{
    json_end_array(&call->json);
    json_put_str(&call->json, "next_cursor",
                 str_is_none(last_id) ? STR_NONE
                                      : arena_printf(call->arena, "%lld_%.*s", (long long)last_us,
                                                     STR_ARG(last_id)));
    json_end_object(&call->json);
}

/* ---- agents ---- */

struct agent_work fleet_work(struct tx *tx, struct call *call, const struct person *person)
{
    return (struct agent_work){.tx = tx, .arena = call->arena, .person = person, .why = STR_NONE};
}

enum err fleet_failed(struct call *call, const struct agent_work *work, enum err err)
{
    int status = err == ERR_LIMIT ? 422 : call_status_of(err);

    if (err && !str_is_none(work->why))
        call_fail(call, status, "%.*s", STR_ARG(work->why));
    return err;
}

enum err fleet_agent_of(struct tx *tx, struct call *call, enum agent_right right,
                        struct fleet_agent *agent)
{
    const struct fleet_agent wanted = {.tenant = call->principal.tenant,
                                       .agent_id = call->params[0]};
    const struct person person = fleet_person(call);
    enum err err = agent_find(tx, &wanted, &person, right, call->arena, agent);

    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "there is no agent %.*s", STR_ARG(str_first(call->params[0], 64)));
    else if (err == ERR_DENIED)
        call_fail(call, 403, "only those its owner allows may do this with the agent");
    return err;
}

/* The files that the answer shows as members, and no others. */
static enum err definition_read(struct tx *tx, const struct tree_key *key, int64_t version,
                                struct tree_files *files)
{
    struct tree_files listed;
    enum err err = tree_list(tx, key, version, tx->arena, &listed);

    if (err)
        return err;
    *files = (struct tree_files){listed.list, 0};
    for (size_t i = 0; !err && i < listed.count; i++) {
        struct tree_file file = listed.list[i];

        if (!agent_is_definition(file.path))
            continue;
        err = tree_read_file(tx, key, version, file.path, tx->arena, &file.content);
        files->list[files->count++] = file;
    }
    return err;
}

enum err fleet_agent_reply(struct tx *tx, struct call *call, int status,
                           const struct fleet_agent *agent, bool with_files)
{
    const struct tree_key key = {agent->tenant, agent->agent_id};
    struct tree_files files;
    const struct agent_contents contents = {&files, with_files};
    enum err err = with_files ? tree_read(tx, &key, agent->version, tx->arena, &files)
                              : definition_read(tx, &key, agent->version, &files);

    if (!err)
        agent_json_out(call_json(call, status), agent, &contents);
    return err;
}

/* ---- the workspace's secrets ---- */

enum err fleet_secrets_of(struct tx *tx, const struct call *call, enum secret_kind kind,
                          struct secrets *found)
{
    const struct secret_owner owner = secret_owner_workspace(call->principal.tenant);

    return secret_list(tx, &owner, kind, tx->arena, found);
}

enum err fleet_secrets_open(struct tx *tx, struct call *call, struct secrets *all)
{
    const struct secret_owner owner = secret_owner_workspace(call->principal.tenant);
    struct str why;
    enum err err = secrets_open(tx, &owner, call->arena, all, &why);

    if (err == ERR_DENIED)
        call_fail(call, 503, "%.*s", STR_ARG(why));
    return err;
}

enum err fleet_secret_remove(struct tx *tx, struct call *call, enum secret_kind kind)
{
    const struct secret_owner owner = secret_owner_workspace(call->principal.tenant);
    int64_t count = 0;
    enum err err = secret_delete(tx, &owner, kind, call->params[0], &count);

    if (!err && count == 0)
        err = ERR_NOT_FOUND;
    return err ? err : call_empty(call, 204);
}

/* ---- versions ---- */

enum err fleet_version_read(struct call *call, struct str text, const char *where, int64_t *version)
{
    int64_t number;

    if (str_is_empty(text))
        return OK;
    if (str_to_i64(text, &number) || number < 0) {
        call_fail(call, 422, "%s: must be the number of a version", where);
        return ERR_INVALID;
    }
    *version = number;
    return OK;
}
