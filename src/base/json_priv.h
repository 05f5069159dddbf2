/* json_priv.h -- what the files of base/json share: the view of a struct json as yyjson's value. */
#ifndef BASE_JSON_PRIV_H
#define BASE_JSON_PRIV_H

#include <yyjson.h>

#include "base/json.h"

yyjson_val *json_val(const struct json *value);

#endif
