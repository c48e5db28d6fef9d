/*
 * fuzz_history.c: libFuzzer target of the history reader. Whatever the bytes are: no crash, every error has a place,
 * and every record that is read can be digested, printed and written again.
 */
#include "sim/history.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *in = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
    if (!in)
        return 0;
    struct names *names = names_new();
    struct history_reader *reader = history_reader_new(in, "fuzz", names);
    struct history_digest *digest = history_digest_new();
    struct history_header header;
    struct record record;
    char error[HISTORY_ERROR_MAX] = "", line[128];
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    int status = history_reader_header(reader, &header, error);
    struct history_writer *writer = history_writer_new(out, &header);
    if (!status) {
        while ((status = history_reader_next(reader, &record, error)) > 0) {
            history_digest_take(digest, &record, names);
            history_writer_take(writer, &record, names);
            history_line(&record, names, line, sizeof line);
        }
    }
    if (status < 0 && strncmp(error, "fuzz:", 5) != 0)
        abort();
    uint64_t before = history_digest_value(digest);
    history_writer_close(writer);
    fclose(out);
    history_reader_free(reader);
    fclose(in);

    /* What was written again must read as the same. */
    in = fmemopen(text, len, "r");
    reader = history_reader_new(in, "again", names);
    history_digest_reset(digest);
    status = history_reader_header(reader, &header, error);
    if (!status)
        while ((status = history_reader_next(reader, &record, error)) > 0)
            history_digest_take(digest, &record, names);
    if (status || history_digest_value(digest) != before)
        abort();
    history_reader_free(reader);
    fclose(in);
    free(text);
    history_digest_free(digest);
    names_free(names);
    return 0;
}
