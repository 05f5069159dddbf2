/* span_links.c -- see span_links.h. */
#include "trace/span_links.h"

#define LINK_BYTES_MAX (16 * KIB)
#define KEY_BYTES_MAX 1200

static void url_out(struct json_writer *json, const struct span *span, const struct span_view *view,
                    const struct span_link *link)
{
    struct buf url;

    buf_init(&url, LINK_BYTES_MAX);
    view->write_link(view, span, link, &url);
    json_str_out(json, buf_str(&url));
    buf_release(&url);
}

void span_links_value_out(struct json_writer *json, const struct span *span,
                          const struct span_view *view, enum span_field field)
{
    const struct span_link link = {span_field_name(field), STR("application/json"),
                                   span->values[field].blob_key};

    if (!view->write_link || str_is_none(link.blob_key)) {
        json_null_out(json);
        return;
    }
    json_begin_object(json);
    json_key(json, "ROOT");
    json_begin_object(json);
    json_key(json, "presigned_url");
    url_out(json, span, view, &link);
    json_put_null(json, "s3_url");
    json_end_object(json);
    json_end_object(json);
}

/* False: its name is too long for a link. */
static bool link_of(const struct span_attachment *a, char key[KEY_BYTES_MAX],
                    struct span_link *link)
{
    int len = snprintf(key, KEY_BYTES_MAX, "attachment.%.*s", STR_ARG(a->name));

    if (len < 0 || len >= KEY_BYTES_MAX)
        return false;
    *link = (struct span_link){str_range(key, (size_t)len), a->mime_type, a->value.blob_key};
    if (str_is_none(link->mime_type))
        link->mime_type = STR("application/octet-stream");
    return true;
}

void span_links_attachments_out(struct json_writer *json, const struct span *span,
                                const struct span_view *view)
{
    char key[KEY_BYTES_MAX];
    struct span_link link;

    if (!view->write_link || span->attachment_count == 0) {
        json_null_out(json);
        return;
    }
    json_begin_object(json);
    for (size_t i = 0; i < span->attachment_count; i++) {
        if (!link_of(&span->attachments[i], key, &link))
            continue;
        json_key_str(json, link.name);
        json_begin_object(json);
        json_key(json, "presigned_url");
        url_out(json, span, view, &link);
        json_put_str(json, "mime_type", link.mime_type);
        json_end_object(json);
    }
    json_end_object(json);
}

void span_links_attachments_v2_out(struct json_writer *json, const struct span *span,
                                   const struct span_view *view)
{
    char key[KEY_BYTES_MAX];
    struct span_link link;

    json_begin_object(json);
    for (size_t i = 0; view->write_link && i < span->attachment_count; i++) {
        if (!link_of(&span->attachments[i], key, &link))
            continue;
        json_key_str(json, span->attachments[i].name);
        url_out(json, span, view, &link);
    }
    json_end_object(json);
}
