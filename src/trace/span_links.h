/* span_links.h -- the members of a span that say where its large values and attachments can be had
 * without a key. */
#ifndef TRACE_SPAN_LINKS_H
#define TRACE_SPAN_LINKS_H

#include "trace/span_json.h"

/* v1, of a value: {"ROOT": {"presigned_url": …}}; null if it stands in its row. */
void span_links_value_out(struct json_writer *json, const struct span *span,
                          const struct span_view *view, enum span_field field);
/* v1: {"attachment.NAME": {"presigned_url": …, "mime_type": …}, …}; null if there are none. */
void span_links_attachments_out(struct json_writer *json, const struct span *span,
                                const struct span_view *view);
/* v2: {"NAME": "https://…", …} */
void span_links_attachments_v2_out(struct json_writer *json, const struct span *span,
                                   const struct span_view *view);

#endif
