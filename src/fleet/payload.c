/* payload.c -- the payload, written and read. */
#include "fleet/payload.h"

#include "crypto/base64.h"
#include "fleet/bundle.h"

static void put_publisher(struct json_writer *w, const struct person *publisher)
{
    json_key(w, "publisher");
    json_begin_object(w);
    json_put_str(w, "user_id", publisher->user_id);
    json_put_str(w, "email", publisher->email);
    json_end_object(w);
}

static void put_agent(struct json_writer *w, const struct payload *p)
{
    json_key(w, "agent");
    json_begin_object(w);
    json_put_str(w, "name", p->agent_name);
    json_put_str(w, "description", p->agent_description);
    json_end_object(w);
}

static void put_files(struct json_writer *w, const struct payload *p)
{
    json_key(w, "files");
    json_begin_object(w);
    json_put_str(w, "type", STR("zip"));
    json_put_str(w, "filename", p->file_name);
    json_key(w, "content_base64");
    /* Letters, digits, + / =: nothing to escape. */
    buf_add_char(w->out, '"');
    base64_write(w->out, p->archive);
    buf_add_char(w->out, '"');
    w->comma_due = true;
    json_end_object(w);
}

void payload_write(struct buf *out, const struct payload *p)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    json_put_str(&w, "action", p->action);
    json_put_raw(&w, "input", p->input);
    put_publisher(&w, p->publisher);
    put_agent(&w, p);
    json_put_raw(&w, "tool_auth_requirements", p->tool_auth);
    put_files(&w, p);
    json_put_raw(&w, "fields", p->fields);
    json_end_object(&w);
}

/* ---- from elsewhere ---- */

static struct str text_or_empty(const struct json *value)
{
    struct str text = json_string(value);

    return str_is_none(text) ? STR("") : text;
}

enum err payload_read(struct arena *arena, struct str body, struct payload *payload,
                      struct str *why)
{
    const struct json *root, *agent, *files, *needs;
    struct payload found = {.tool_auth = STR("[]")};
    struct agent_edit edit;
    enum err err = bundle_of_payload(arena, body, &found.archive, why);

    if (err || (err = bundle_read(arena, found.archive, &edit, why)))
        return err;
    if (json_parse(arena, str_trim(body), &root, NULL))
        return ERR_INVALID;
    agent = json_get(root, "agent");
    files = json_get(root, "files");
    needs = json_get(root, "tool_auth_requirements");
    found.agent_name = json_string(json_get(agent, "name"));
    found.agent_description = text_or_empty(json_get(agent, "description"));
    if (str_is_none(found.agent_name)) {
        *why = STR("agent.name must be given");
        return ERR_INVALID;
    }
    if (json_type(needs) == JSON_ARRAY)
        found.tool_auth = json_raw(str_trim(body), STR("tool_auth_requirements"));
    found.file_name = json_string(json_get(files, "filename"));
    if (str_is_none(found.file_name))
        found.file_name = bundle_file_name(arena, found.agent_name);
    *payload = found;
    return OK;
}
