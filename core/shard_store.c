/*
 * shard_store.c: an answer is given after the commit, so a commit must be on the medium when it returns; and what is
 * purged must not be left in the files.
 */
#include "core/shard_store.h"

#include "core/decide.h"

struct store_sqlite_options shard_store_options(const struct policy *policy, enum store_part part,
                                                enum store_journal journal)
{
    return (struct store_sqlite_options){
        .part = part, .journal = journal, .sync = decide_syncs(policy), .keeps_deleted = !decide_wipes(policy)};
}
