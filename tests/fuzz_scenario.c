/* fuzz_scenario.c: no bytes make the scenario reader crash, leak, or accept what it cannot free. */
#include "sim/scenario.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scenario *scenarios;
    size_t count;
    char error[SCENARIO_ERROR_MAX];
    int status = scenario_read_text("fuzz.json", (const char *)data, size, NULL, 0, &scenarios, &count, error);
    if (status == 0 && (count == 0 || count > 64 || !scenarios[0].name))
        abort();
    if (status != 0 && (error[0] == '\0' || scenarios || count))
        abort();
    if (status == 0)
        scenario_free_all(scenarios, count);
    return 0;
}
