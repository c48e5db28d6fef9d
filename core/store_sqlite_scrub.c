/*
 * store_sqlite_scrub.c: wipes the bytes that secure_delete leaves.
 *
 * PRAGMA secure_delete zeroes a row when it is deleted and a page when it is freed. It does not reach the copy of a row
 * that stays behind when a page of the b-tree is split or merged: the rows are then packed against the end of their
 * page, some on another, and what lay in the gap before them stays there. Delete such a row later and only its live
 * copy is zeroed (test_store_deleted.c finds some in a table of a few thousand rows).
 *
 * Method: in the file format, a page of a b-tree begins with a header of 8 bytes (12 in an interior page; after the 100
 * bytes of the file's own header on page 1), then 2 bytes for each row; the rows begin at an offset in the header. The
 * bytes between mean nothing, so they are overwritten with zeros in place: an interrupted write, or one torn in the
 * middle, leaves a database that says the same. This needs the whole content in the file (after a checkpoint, outside a
 * transaction), and the exclusive lock, which the store holds. Afterwards the page cache is dropped, or its pages would
 * bring the bytes back with their next change.
 *
 * Other pages are free (zeros, or a list of page numbers): their first byte cannot be one of the four that begin a
 * b-tree page before page 2^25. auto_vacuum is off, so there are no pages of pointers, whose first byte can.
 *
 * Cost: a read of every page, a write of those with a gap that is not empty.
 */
#include "core/store_sqlite_internal.h"

#define FILE_HEADER_BYTES 100
#define INTERIOR_INDEX 2
#define INTERIOR_TABLE 5
#define LEAF_INDEX 10
#define LEAF_TABLE 13

void sqlite_page_gap(const unsigned char *page, size_t bytes, bool first, size_t *from, size_t *to)
{
    const unsigned char *header = page + (first ? FILE_HEADER_BYTES : 0);
    bool interior = header[0] == INTERIOR_INDEX || header[0] == INTERIOR_TABLE;
    *from = *to = 0;
    if (!interior && header[0] != LEAF_INDEX && header[0] != LEAF_TABLE)
        return;
    size_t rows = (size_t)header[3] << 8 | header[4], begin = (size_t)header[5] << 8 | header[6];
    size_t end = (size_t)(header - page) + (interior ? 12 : 8) + 2 * rows;
    if (end >= begin || begin > bytes)
        return;
    *from = end;
    *to = begin;
}

/* Wipes the gap; false when it was empty already. */
static bool wipe(unsigned char *page, size_t from, size_t to)
{
    bool dirty = false;
    for (size_t i = from; i < to; i++) {
        dirty = dirty || page[i];
        page[i] = 0;
    }
    return dirty;
}

void sqlite_scrub_pages(unsigned char *bytes, size_t size, size_t page_bytes)
{
    for (size_t at = 0; at + page_bytes <= size; at += page_bytes) {
        size_t from, to;
        sqlite_page_gap(bytes + at, page_bytes, at == 0, &from, &to);
        wipe(bytes + at, from, to);
    }
}

int sqlite_scrub_file(struct sqlite_store *sqlite)
{
    unsigned char page[SQLITE_FILE_PAGE_BYTES];
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    int code = sqlite3_file_control(sqlite->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (code == SQLITE_OK && file->pMethods)
        code = file->pMethods->xFileSize(file, &size);
    bool wrote = false;
    for (sqlite3_int64 at = 0; code == SQLITE_OK && at + SQLITE_FILE_PAGE_BYTES <= size; at += SQLITE_FILE_PAGE_BYTES) {
        size_t from, to;
        code = file->pMethods->xRead(file, page, SQLITE_FILE_PAGE_BYTES, at);
        if (code != SQLITE_OK)
            break;
        sqlite_page_gap(page, SQLITE_FILE_PAGE_BYTES, at == 0, &from, &to);
        if (!wipe(page, from, to))
            continue;
        code = file->pMethods->xWrite(file, page + from, (int)(to - from), at + (sqlite3_int64)from);
        wrote = true;
    }
    if (code == SQLITE_OK && wrote && sqlite->sync)
        code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    if (wrote)
        sqlite3_db_release_memory(sqlite->db);
    return code;
}
