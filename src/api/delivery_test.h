/* delivery_test.h -- the routes of test sends; their table is in deliveries.c. */
#ifndef API_DELIVERY_TEST_H
#define API_DELIVERY_TEST_H

#include "api/call.h"

enum err delivery_test_url_prepare(struct call *call);
enum err delivery_test_endpoint_prepare(struct call *call);

#endif
