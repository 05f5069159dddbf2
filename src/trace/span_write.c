/* span_write.c -- from drafts to changes: projects are found, layers that were refused left out. */
#include "trace/span_write.h"

#include "store/projects.h"
#include "store/spans.h"
#include "trace/feedback_write.h"

#define PROJECTS_MAX 64 /* remembered of one request: most have one */

struct known_project {
    struct str name, id; /* as the draft says it; one of them */
    int64_t project_no;  /* 0: there is none */
};

struct writing {
    struct tx *tx;
    struct str tenant;
    struct span_batch *batch;
    struct known_project known[PROJECTS_MAX];
    size_t known_count;
    struct span_change *changes; /* in the tx's arena */
    size_t change_count;
};

static enum err project_ask(struct writing *w, struct str id, struct str name, int64_t *project_no)
{
    struct project_row project;
    enum err err = str_is_none(id) ? projects_ensure(w->tx, w->tenant, name, w->tx->arena, &project)
                                   : projects_get(w->tx, w->tenant, id, w->tx->arena, &project);

    if (err && (err != ERR_NOT_FOUND || str_is_none(id)))
        return err;
    *project_no = err ? 0 : project.project_no;
    return OK;
}

/* *project_no 0: no such project. */
static enum err project_find(struct writing *w, const struct span_draft *draft, int64_t *project_no)
{
    struct str id = draft->project_id;
    struct str name = str_is_none(draft->project_name) ? PROJECT_DEFAULT : draft->project_name;
    enum err err;

    for (size_t i = 0; i < w->known_count; i++)
        if (str_is_none(id) ? str_eq(w->known[i].name, name) : str_eq(w->known[i].id, id)) {
            *project_no = w->known[i].project_no;
            return OK;
        }
    err = project_ask(w, id, name, project_no);
    if (!err && w->known_count < PROJECTS_MAX)
        w->known[w->known_count++] = (struct known_project){
            .name = str_is_none(id) ? name : STR_NONE, .id = id, .project_no = *project_no};
    return err;
}

static enum err draft_add(struct writing *w, const struct span_draft *draft)
{
    struct span_change *change = &w->changes[w->change_count];
    struct uuid_text id;
    enum err err;

    *change = draft->change;
    if (!draft->has_object ||
        (change->layer == SPAN_PATCH && !(change->given & SPAN_HAS_PROJECT))) {
        w->change_count++;
        return OK;
    }
    err = project_find(w, draft, &change->project_no);
    if (err)
        return err;
    if (change->project_no)
        w->change_count++;
    else
        span_batch_problem(w->batch, uuid_write(change->span_id, &id),
                           STR("there is no project with this session_id"));
    return OK;
}

/* Nothing was said: an entry that only has attachments, or a layer that was never mentioned. */
static bool is_said(const struct span_batch_entry *entry, enum span_layer layer)
{
    return !entry->is_bad[layer] && entry->drafts[layer].is_said;
}

static enum err entry_add(struct writing *w, const struct span_batch_entry *entry)
{
    size_t first = w->change_count;
    enum err err = OK;

    for (size_t i = 0; !err && i < SPAN_LAYER_COUNT; i++)
        if (is_said(entry, (enum span_layer)i))
            err = draft_add(w, &entry->drafts[i]);
    if (err || entry->attachment_count == 0 || entry->is_bad[SPAN_POST] ||
        entry->is_bad[SPAN_PATCH])
        return err;
    if (w->change_count == first) /* a span that comes later, or came before */
        w->changes[w->change_count++] =
            (struct span_change){.layer = SPAN_PATCH, .span_id = entry->span_id};
    w->changes[first].attachments = entry->attachments;
    w->changes[first].attachment_count = entry->attachment_count;
    return OK;
}

/* What it hangs below comes first, so that it need not wait for it: exporters of OpenTelemetry send
 * children before their parents, which end later. */
static enum err entry_take(struct writing *w, struct span_batch_entry *entry)
{
    struct span_batch_entry *top = NULL;
    enum err err = OK;

    for (; entry && entry->taken != w->batch->writings;
         entry = span_batch_parent(w->batch, entry)) {
        entry->taken = w->batch->writings;
        entry->below = top;
        top = entry;
    }
    for (; !err && top; top = top->below)
        err = entry_add(w, top);
    return err;
}

enum err span_write(struct tx *tx, struct str tenant, struct span_batch *batch)
{
    struct writing w = {.tx = tx, .tenant = tenant, .batch = batch};
    enum err err = OK;

    span_batch_begin_write(batch);
    w.changes =
        ARENA_ARRAY(tx->arena, struct span_change, SPAN_LAYER_COUNT * batch->entry_count + 1);
    for (struct span_batch_entry *entry = batch->first; !err && entry; entry = entry->next)
        err = entry_take(&w, entry);
    if (!err)
        err = spans_apply(tx, tenant, w.changes, w.change_count);
    return err ? err : feedback_write_batch(tx, tenant, batch);
}
