/* Packs of values. */
#include "store/span_pack.h"

#include <pthread.h>

#define FORM_PLAIN 0
#define FORM_SQUEEZED 1
#define FORM_WITH_WORDS 2
#define SQUEEZED_BYTES_MIN 200
#define SQUEEZED_BYTES_MAX (8 * MIB) /* larger ones would hold the writer up */
#define ENTRY_BYTES 5
#define BLOB_MARK 128
#define SIZE_BYTES 8

bool span_value_is_there(const struct span_value *value)
{
    return !str_is_none(value->bytes) || !str_is_none(value->blob_key);
}

static void number_add(struct buf *out, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        buf_add_char(out, (char)(number >> (8 * i)));
}

static uint64_t number_get(const char *at, size_t bytes)
{
    uint64_t number = 0;

    for (size_t i = 0; i < bytes; i++)
        number |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return number;
}

static void entries_write(struct buf *out, const struct span_value values[SPAN_FIELD_COUNT])
{
    for (size_t i = 0; i < SPAN_FIELD_COUNT; i++) {
        const struct span_value *value = &values[i];
        bool is_blob = !str_is_none(value->blob_key);
        size_t len = is_blob ? SIZE_BYTES + value->blob_key.len : value->bytes.len;

        if (!span_value_is_there(value))
            continue;
        REQUIRE(len <= UINT32_MAX);
        buf_add_char(out, (char)(i | (is_blob ? BLOB_MARK : 0)));
        number_add(out, len, ENTRY_BYTES - 1);
        if (is_blob)
            number_add(out, (uint64_t)value->size, SIZE_BYTES);
        buf_add(out, is_blob ? value->blob_key : value->bytes);
    }
}

static struct squeeze_words *words;
static pthread_once_t words_once = PTHREAD_ONCE_INIT;

static void words_make(void)
{
    words = squeeze_words_new(span_words);
}

/* Made once; NULL for a form without. */
static const struct squeeze_words *words_of(char form)
{
    if (form != FORM_WITH_WORDS)
        return NULL;
    pthread_once(&words_once, words_make);
    return words;
}

static void squeeze(struct squeezer *squeezer, struct buf *out)
{
    struct buf small;

    buf_init(&small, out->len);
    buf_add_char(&small, FORM_WITH_WORDS);
    if (squeeze_write(squeezer, words_of(FORM_WITH_WORDS), &small, str_from(buf_str(out), 1))) {
        buf_truncate(out, 0);
        buf_add(out, buf_str(&small));
    }
    buf_release(&small);
}

void span_pack_write(struct squeezer *squeezer, struct buf *out,
                     const struct span_value values[SPAN_FIELD_COUNT])
{
    REQUIRE(out->len == 0);
    buf_add_char(out, FORM_PLAIN);
    entries_write(out, values);
    if (!out->failed && out->len >= SQUEEZED_BYTES_MIN && out->len <= SQUEEZED_BYTES_MAX)
        squeeze(squeezer, out);
}

static enum err entry_read(unsigned mark, struct str text, struct span_value *value)
{
    if (!(mark & BLOB_MARK)) {
        *value = (struct span_value){.bytes = text, .size = (int64_t)text.len};
        return OK;
    }
    if (text.len <= SIZE_BYTES)
        return ERR_INVALID;
    *value = (struct span_value){.blob_key = str_from(text, SIZE_BYTES),
                                 .size = (int64_t)number_get(text.data, SIZE_BYTES)};
    return OK;
}

enum err span_pack_read(struct str pack, struct arena *arena,
                        struct span_value values[SPAN_FIELD_COUNT])
{
    struct str rest = str_from(pack, 1);

    if (pack.len < 1 || pack.data[0] < FORM_PLAIN || pack.data[0] > FORM_WITH_WORDS)
        return ERR_INVALID;
    if (pack.data[0] != FORM_PLAIN &&
        squeeze_read(words_of(pack.data[0]), rest, SQUEEZED_BYTES_MAX, arena, &rest))
        return ERR_INVALID;
    while (rest.len > 0) {
        unsigned mark = (unsigned char)rest.data[0];
        size_t field = mark & ~(unsigned)BLOB_MARK, len;

        if (rest.len < ENTRY_BYTES || field >= SPAN_FIELD_COUNT)
            return ERR_INVALID;
        len = number_get(rest.data + 1, ENTRY_BYTES - 1);
        rest = str_from(rest, ENTRY_BYTES);
        if (rest.len < len || entry_read(mark, str_first(rest, len), &values[field]))
            return ERR_INVALID;
        rest = str_from(rest, len);
    }
    return OK;
}
