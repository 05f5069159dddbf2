/* url.h -- the URLs that webhooks are sent to, by a grammar stricter than any browser's.
 *
 *   url       = scheme "://" authority [path] ["?" query] ["#" fragment]   | relative
 *   scheme    = "http" | "https", in any letter case
 *   authority = (name | ipv4 | "[" ipv6 "]") [":" port]                     (format/host.h)
 *   port      = 1–65535, no leading zero
 *   relative  = "/" but not "//"                                            (is_relative)
 *
 * No userinfo, no blanks, controls, backslashes or non-ASCII anywhere, ≤ URL_BYTES_MAX. So every
 * library that reads what we let pass reads the same host. Path and query go on the request line
 * byte for byte as given; the fragment is dropped.
 *
 * Results live in the arena or borrow the text; keep both as long as the url. No I/O: whether the
 * address may be connected to is the egress policy's question. */
#ifndef FORMAT_URL_H
#define FORMAT_URL_H

#include "base/arena.h"
#include "base/buf.h"
#include "format/host.h"

#define URL_BYTES_MAX 8192

struct url {
    bool is_relative;     /* then only path, query and target are set */
    bool scheme_is_https; /* else http */
    enum host_kind host_kind;
    struct str host; /* lower case; ipv6 without brackets */
    uint16_t port;   /* the scheme's own if none was given */
    bool has_port;
    struct str path;   /* "" or begins with '/' */
    struct str query;  /* without the '?'; STR_NONE if there is no '?' */
    struct str target; /* what stands on the request line: begins with '/' */
};

/* ERR_INVALID or ERR_LIMIT with *why: static text for people, "must not contain …" in tone. */
enum err url_parse(struct arena *arena, struct str text, struct url *url,
                   const char **why) MUST_USE;

/* The value of the Host header: brackets around ipv6, the port only if it is not the scheme's. */
void url_write_host(struct buf *out, const struct url *url);
/* "https://host:443", always with the port: the key under which connections are shared. */
void url_write_origin(struct buf *out, const struct url *url);

/* The text for logs and answers: userinfo, fragment and the values of query parameters that look
 * secret become ***. Takes any text, also what url_parse refuses. */
void url_mask(struct buf *out, struct str text);
struct json_writer;
/* The same as a member of a JSON object. */
void url_mask_put(struct json_writer *json, const char *key, struct str text);

#endif
