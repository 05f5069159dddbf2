/* Vectors of items: packing, and the sum of products that a search spends its time in. */
#include "store/item_vectors.h"

#include <math.h>

#define LANES 8 /* sums side by side, so that the compiler makes vector instructions of them */
#define HEAD sizeof(uint32_t)

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "vectors are kept as the processor has them");

/* The bytes come from a database: at any address. */
static double product(const char *a, const char *b, size_t dims)
{
    float sums[LANES] = {0}, x[LANES], y[LANES];
    double sum = 0;
    size_t i = 0;

    for (; i + LANES <= dims; i += LANES) {
        memcpy(x, a + i * sizeof(float), sizeof(x));
        memcpy(y, b + i * sizeof(float), sizeof(y));
        for (size_t lane = 0; lane < LANES; lane++)
            sums[lane] += x[lane] * y[lane];
    }
    for (; i < dims; i++) {
        memcpy(x, a + i * sizeof(float), sizeof(float));
        memcpy(y, b + i * sizeof(float), sizeof(float));
        sums[0] += x[0] * y[0];
    }
    for (size_t lane = 0; lane < LANES; lane++)
        sum += (double)sums[lane];
    return sum;
}

static enum err pack_one(char *to, const char *from, uint32_t dims)
{
    double square = 0, length;

    for (uint32_t i = 0; i < dims; i++) {
        float number;

        memcpy(&number, from + i * sizeof(float), sizeof(number));
        square += (double)number * (double)number;
    }
    if (!isfinite(square))
        return ERR_INVALID;
    length = sqrt(square);
    for (uint32_t i = 0; i < dims; i++) {
        float number;

        memcpy(&number, from + i * sizeof(float), sizeof(number));
        number = length > 0 ? (float)((double)number / length) : 0;
        memcpy(to + i * sizeof(float), &number, sizeof(number));
    }
    return OK;
}

enum err item_vectors_pack(struct arena *arena, struct str floats, uint32_t dims, struct str *kept)
{
    size_t bytes = dims * sizeof(float);
    char *packed;
    enum err err = OK;

    REQUIRE(dims > 0 && dims <= ITEM_DIMS_MAX);
    if (floats.len == 0) {
        *kept = STR_NONE;
        return OK;
    }
    if (floats.len % bytes != 0)
        return ERR_INVALID;
    if (floats.len > ITEM_VECTORS_BYTES_MAX)
        return ERR_LIMIT;
    packed = arena_alloc(arena, HEAD + floats.len);
    memcpy(packed, &dims, HEAD);
    for (size_t at = 0; !err && at < floats.len; at += bytes)
        err = pack_one(packed + HEAD + at, floats.data + at, dims);
    if (!err)
        *kept = str_range(packed, HEAD + floats.len);
    return err;
}

static uint32_t dims_of(struct str kept)
{
    uint32_t dims = 0;

    if (kept.len > HEAD)
        memcpy(&dims, kept.data, HEAD);
    return dims;
}

bool item_vectors_score(struct str kept, struct str query, double *score)
{
    uint32_t dims = dims_of(query);
    size_t bytes = dims * sizeof(float);
    double best = -2;

    if (dims == 0 || dims_of(kept) != dims)
        return false;
    for (size_t at = HEAD; at + bytes <= kept.len; at += bytes) {
        double one = product(kept.data + at, query.data + HEAD, dims);

        best = one > best ? one : best;
    }
    *score = best > 1 ? 1 : best < -1 ? -1 : best;
    return best > -2;
}
