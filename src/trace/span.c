/* Texts of spans. */
#include "trace/span.h"

#include "base/time.h"

struct str span_time_write(int64_t wall_us, struct span_time *time)
{
    struct time_text iso;
    struct str naive = str_first(time_write_iso(wall_us, &iso), sizeof(time->text) - 1);

    memcpy(time->text, naive.data, naive.len);
    time->text[naive.len] = '\0';
    return str_range(time->text, naive.len);
}
