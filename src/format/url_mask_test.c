/* url_mask_test.c -- what of a URL reaches a log. */
#include "base/test.h"
#include "format/url.h"

static void masked(void **state)
{
    static const struct {
        const char *text, *masked;
    } cases[] = {
        {"https://h/p?a=1&token=abc&b=2", "https://h/p?a=1&token=***&b=2"},
        {"https://h?secret=x", "https://h?secret=***"},
        {"https://h?SECRET=x&Key=y&api_key=z", "https://h?SECRET=***&Key=***&api_key=***"},
        {"https://h?sig=1&X-Amz-Signature=2&code=3&auth=4",
         "https://h?sig=***&X-Amz-Signature=***&code=***&auth=***"},
        {"https://h?password=a=b&apiKey=1", "https://h?password=***&apiKey=***"},
        {"https://h?to%6ben=x", "https://h?to%6ben=***"},
        {"https://h?monkey=1&zipcode=2&design=3", "https://h?monkey=1&zipcode=2&design=3"},
        {"https://h?flag&a=&", "https://h?flag&a=&"},
        {"https://user:pw@h/x", "https://***@h/x"},
        {"https://a@b@h/", "https://***@h/"},
        {"https://user:p/w@h/", "https://***@h/"},
        {"https://user:p?w@h/", "https://***@h/"},
        {"https://h/@x", "https://h/@x"},
        {"https://h:80/@x", "https://h:80/@x"},
        {"https://[::1]:80/@x", "https://[::1]:80/@x"},
        {"https://h/#access_token=x", "https://h/#***"},
        {"/p?token=x#y", "/p?token=***#***"},
        {"/p?next=http://u@h", "/p?next=http://u@h"},
        {"ftp://u:p@h", "ftp://***@h"},
        {"", ""},
        {"no url", "no url"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, 1000);
        url_mask(&out, str_of(cases[i].text));
        ASSERT_STR(buf_str(&out), cases[i].masked);
        buf_release(&out);
    }
}

static const struct CMUnitTest tests[] = {
    TEST("secrets in a URL become asterisks, the rest stays", masked),
};

int main(void)
{
    return RUN_TESTS(tests);
}
