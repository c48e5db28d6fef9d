-- main: one database, in backups
CREATE TABLE conversation(
  "id" INTEGER NOT NULL,
  "kind" INTEGER NOT NULL,
  "state" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "created_at" INTEGER NOT NULL,
  "deleted_by" INTEGER NOT NULL,
  "deleted_at" INTEGER NOT NULL,
  "deadline" INTEGER NOT NULL,
  "deletion" INTEGER NOT NULL,
  "purged_to" INTEGER NOT NULL,
  "retention" INTEGER NOT NULL,
  "retain_due" INTEGER NOT NULL,
  "retained" INTEGER NOT NULL,
  PRIMARY KEY("id")
) WITHOUT ROWID;
CREATE TABLE member(
  "conv" INTEGER NOT NULL,
  "user" INTEGER NOT NULL,
  "since" INTEGER NOT NULL,
  "until" INTEGER NOT NULL,
  "role" INTEGER NOT NULL,
  "cleared" INTEGER NOT NULL,
  "best" INTEGER NOT NULL,
  "read" INTEGER NOT NULL,
  PRIMARY KEY("conv", "user", "since")
) WITHOUT ROWID;
CREATE TABLE message(
  "conv" INTEGER NOT NULL,
  "id" INTEGER NOT NULL,
  "state" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "author" INTEGER NOT NULL,
  "sent" INTEGER NOT NULL,
  "sent_at" INTEGER NOT NULL,
  "deleted_by" INTEGER NOT NULL,
  "deleted_at" INTEGER NOT NULL,
  "deadline" INTEGER NOT NULL,
  "deletion" INTEGER NOT NULL,
  "edited" INTEGER NOT NULL,
  "reason" INTEGER NOT NULL,
  "reply" INTEGER NOT NULL,
  "cause" INTEGER NOT NULL,
  "blob" INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY("conv", "id")
) WITHOUT ROWID;
CREATE TABLE early_deletion(
  "target" INTEGER NOT NULL,
  "actor" INTEGER NOT NULL,
  "conv" INTEGER NOT NULL,
  "device" INTEGER NOT NULL,
  "op" INTEGER NOT NULL,
  "at" INTEGER NOT NULL,
  PRIMARY KEY("target", "actor")
) WITHOUT ROWID;
CREATE TABLE executed(
  "device" INTEGER NOT NULL,
  "op" INTEGER NOT NULL,
  "at" INTEGER NOT NULL,
  PRIMARY KEY("device")
) WITHOUT ROWID;
CREATE TABLE fanout(
  "conv" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "part" INTEGER NOT NULL,
  "entry" INTEGER NOT NULL,
  "target" INTEGER NOT NULL,
  "actor" INTEGER NOT NULL,
  "subject" INTEGER NOT NULL,
  "role" INTEGER NOT NULL,
  "at" INTEGER NOT NULL,
  "cursor" INTEGER NOT NULL,
  "only" INTEGER NOT NULL,
  "kind" INTEGER NOT NULL,
  "deletion" INTEGER NOT NULL,
  "sent" INTEGER NOT NULL,
  "words" INTEGER NOT NULL,
  "reply" INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY("conv", "version", "part")
) WITHOUT ROWID;
CREATE TABLE tombstone_wait(
  "destination" INTEGER NOT NULL,
  "number" INTEGER NOT NULL,
  "conv" INTEGER NOT NULL,
  "target" INTEGER NOT NULL,
  PRIMARY KEY("destination", "number")
) WITHOUT ROWID;
CREATE TABLE hidden(
  "conv" INTEGER NOT NULL,
  "user" INTEGER NOT NULL,
  "message" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  PRIMARY KEY("conv", "user", "message")
) WITHOUT ROWID;
CREATE TABLE job(
  "id" INTEGER NOT NULL,
  "kind" INTEGER NOT NULL,
  "conv" INTEGER NOT NULL,
  "subject" INTEGER NOT NULL,
  "actor" INTEGER NOT NULL,
  "until" INTEGER NOT NULL,
  "cursor_conv" INTEGER NOT NULL,
  "cursor" INTEGER NOT NULL,
  "count" INTEGER NOT NULL,
  PRIMARY KEY("id")
) WITHOUT ROWID;
CREATE TABLE quote(
  "conv" INTEGER NOT NULL,
  "reply" INTEGER NOT NULL,
  "parent" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "sent" INTEGER NOT NULL,
  "author" INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY("conv", "reply")
) WITHOUT ROWID;
CREATE TABLE erasure(
  "user" INTEGER NOT NULL,
  "job" INTEGER NOT NULL,
  "at" INTEGER NOT NULL,
  "deadline" INTEGER NOT NULL,
  "waits" INTEGER NOT NULL,
  PRIMARY KEY("user")
) WITHOUT ROWID;
CREATE TABLE channel_out(
  "destination" INTEGER NOT NULL,
  "next" INTEGER NOT NULL,
  "confirmed" INTEGER NOT NULL,
  "applied" INTEGER NOT NULL,
  "rebased" INTEGER NOT NULL,
  PRIMARY KEY("destination")
) WITHOUT ROWID;
CREATE TABLE outbox(
  "destination" INTEGER NOT NULL,
  "number" INTEGER NOT NULL,
  "kind" INTEGER NOT NULL,
  "words" INTEGER NOT NULL,
  "user" INTEGER NOT NULL,
  "device" INTEGER NOT NULL,
  "op" INTEGER NOT NULL,
  "conv" INTEGER NOT NULL,
  "target" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "actor" INTEGER NOT NULL,
  "subject" INTEGER NOT NULL,
  "named" INTEGER NOT NULL,
  "at" INTEGER NOT NULL,
  "page" INTEGER NOT NULL,
  "reset_id" INTEGER NOT NULL,
  "sent" INTEGER NOT NULL,
  "reply" INTEGER NOT NULL,
  "period" INTEGER NOT NULL,
  "blob" INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY("destination", "number")
) WITHOUT ROWID;
CREATE TABLE channel_in(
  "source" INTEGER NOT NULL,
  "incarnation" INTEGER NOT NULL,
  "number" INTEGER NOT NULL,
  "applied_told" INTEGER NOT NULL,
  "rebasing" INTEGER NOT NULL,
  "rebased" INTEGER NOT NULL,
  PRIMARY KEY("source")
) WITHOUT ROWID;
CREATE TABLE channel_ahead(
  "source" INTEGER NOT NULL,
  "number" INTEGER NOT NULL,
  PRIMARY KEY("source", "number")
) WITHOUT ROWID;
CREATE TABLE user(
  "id" INTEGER NOT NULL,
  "epoch" INTEGER NOT NULL,
  "head" INTEGER NOT NULL,
  "horizon" INTEGER NOT NULL,
  PRIMARY KEY("id")
) WITHOUT ROWID;
CREATE TABLE user_log(
  "user" INTEGER NOT NULL,
  "position" INTEGER NOT NULL,
  "words" INTEGER NOT NULL,
  "conv" INTEGER NOT NULL,
  "target" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "actor" INTEGER NOT NULL,
  "subject" INTEGER NOT NULL,
  "at" INTEGER NOT NULL,
  "source" INTEGER NOT NULL,
  "number" INTEGER NOT NULL,
  "sent" INTEGER NOT NULL,
  "reply" INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY("user", "position")
) WITHOUT ROWID;
CREATE TABLE user_conversation(
  "user" INTEGER NOT NULL,
  "conv" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "state" INTEGER NOT NULL,
  "seen" INTEGER NOT NULL,
  PRIMARY KEY("user", "conv")
) WITHOUT ROWID;
CREATE TABLE device(
  "id" INTEGER NOT NULL,
  "user" INTEGER NOT NULL,
  "generation" INTEGER NOT NULL,
  "fenced" INTEGER NOT NULL,
  "acknowledged" INTEGER NOT NULL,
  "acked_generation" INTEGER NOT NULL,
  "acked_at" INTEGER NOT NULL,
  "pin" INTEGER NOT NULL,
  "reset_id" INTEGER NOT NULL,
  "accepted_op" INTEGER NOT NULL,
  "accepted_at" INTEGER NOT NULL,
  "awaits" INTEGER NOT NULL,
  "items" INTEGER NOT NULL,
  "again" INTEGER NOT NULL,
  "retired" INTEGER NOT NULL,
  "proved" INTEGER NOT NULL,
  "offered" INTEGER NOT NULL,
  "highest" INTEGER NOT NULL,
  PRIMARY KEY("id")
) WITHOUT ROWID;
CREATE TABLE answer(
  "device" INTEGER NOT NULL,
  "op" INTEGER NOT NULL,
  "outcome" INTEGER NOT NULL,
  "why" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "actor" INTEGER NOT NULL,
  "at" INTEGER NOT NULL,
  "early" INTEGER NOT NULL,
  "home" INTEGER NOT NULL,
  "again" INTEGER NOT NULL,
  PRIMARY KEY("device", "op")
) WITHOUT ROWID;
CREATE TABLE reset_item(
  "device" INTEGER NOT NULL,
  "page" INTEGER NOT NULL,
  "words" INTEGER NOT NULL,
  "conv" INTEGER NOT NULL,
  "target" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "actor" INTEGER NOT NULL,
  "at" INTEGER NOT NULL,
  "named" INTEGER NOT NULL,
  "sent" INTEGER NOT NULL,
  "reply" INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY("device", "page")
) WITHOUT ROWID;
CREATE TABLE timer(
  "due" INTEGER NOT NULL,
  "kind" INTEGER NOT NULL,
  "a" INTEGER NOT NULL,
  "b" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  PRIMARY KEY("due", "kind", "a", "b")
) WITHOUT ROWID;
CREATE TABLE meta(
  "key" INTEGER NOT NULL,
  "value" INTEGER NOT NULL,
  PRIMARY KEY("key")
) WITHOUT ROWID;
CREATE TABLE officer(
  "user" INTEGER NOT NULL,
  PRIMARY KEY("user")
) WITHOUT ROWID;
CREATE TABLE parked_purge(
  "kind" INTEGER NOT NULL,
  "id" INTEGER NOT NULL,
  "conv" INTEGER NOT NULL,
  "target" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  PRIMARY KEY("kind", "id", "conv", "target")
) WITHOUT ROWID;
CREATE TABLE reader(
  "kind" INTEGER NOT NULL,
  "user" INTEGER NOT NULL,
  "epoch" INTEGER NOT NULL,
  "cursor" INTEGER NOT NULL,
  "at" INTEGER NOT NULL,
  "due" INTEGER NOT NULL,
  "begins" INTEGER NOT NULL,
  PRIMARY KEY("kind", "user")
) WITHOUT ROWID;
CREATE TABLE search_token(
  "user" INTEGER NOT NULL,
  "conv" INTEGER NOT NULL,
  "message" INTEGER NOT NULL,
  "hash" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "sent" INTEGER NOT NULL,
  PRIMARY KEY("user", "conv", "message", "hash")
) WITHOUT ROWID;
CREATE TABLE former_text(
  "kind" INTEGER NOT NULL,
  "id" INTEGER NOT NULL,
  "conv" INTEGER NOT NULL,
  "message" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "quote" INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY("kind", "id", "conv", "message", "version")
) WITHOUT ROWID;
CREATE TABLE upload(
  "id" INTEGER NOT NULL,
  "conv" INTEGER NOT NULL,
  "author" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "parts" INTEGER NOT NULL,
  "message" INTEGER NOT NULL,
  PRIMARY KEY("id")
) WITHOUT ROWID;
CREATE TABLE invitation(
  "conv" INTEGER NOT NULL,
  "user" INTEGER NOT NULL,
  "id" INTEGER NOT NULL,
  "by" INTEGER NOT NULL,
  "at" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "role" INTEGER NOT NULL,
  "state" INTEGER NOT NULL,
  "closed_by" INTEGER NOT NULL,
  "closed_at" INTEGER NOT NULL,
  "open_by" INTEGER NOT NULL,
  "open_for" INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY("conv", "user")
) WITHOUT ROWID;
CREATE UNIQUE INDEX MEMBER_BY_USER ON member("user", "conv", "since");
CREATE UNIQUE INDEX MEMBER_BY_ROLE ON member("conv", "role", "user", "since");
CREATE UNIQUE INDEX MESSAGE_BY_ID ON message("id", "conv");
CREATE UNIQUE INDEX MESSAGE_BY_AUTHOR ON message("author", "conv", "id");
CREATE UNIQUE INDEX MESSAGE_BY_AGE ON message("conv", "sent", "id");
CREATE UNIQUE INDEX WAITS_BY_TARGET ON tombstone_wait("conv", "target", "destination", "number");
CREATE UNIQUE INDEX HIDDEN_BY_MESSAGE ON hidden("conv", "message", "user");
CREATE UNIQUE INDEX QUOTE_BY_PARENT ON quote("parent", "conv", "reply");
CREATE UNIQUE INDEX QUOTE_BY_AUTHOR ON quote("author", "conv", "reply");
CREATE UNIQUE INDEX LOG_BY_TARGET ON user_log("user", "target", "position");
CREATE UNIQUE INDEX LOG_BY_CONV ON user_log("user", "conv", "position");
CREATE UNIQUE INDEX LOG_BY_NUMBER ON user_log("source", "number", "user", "position");
CREATE UNIQUE INDEX HOLDS_BY_CONV ON user_conversation("conv", "user");
CREATE UNIQUE INDEX DEVICE_BY_USER ON device("user", "id");
CREATE UNIQUE INDEX TOKEN_BY_HASH ON search_token("user", "hash", "conv", "message");
CREATE UNIQUE INDEX FORMER_BY_MESSAGE ON former_text("conv", "message", "kind", "id", "version");
CREATE UNIQUE INDEX UPLOAD_BY_CONV ON upload("conv", "id");
CREATE UNIQUE INDEX UPLOAD_BY_AUTHOR ON upload("author", "message", "id");
CREATE UNIQUE INDEX INVITATION_BY_STATE ON invitation("conv", "state", "user");
CREATE UNIQUE INDEX INVITATION_BY_ID ON invitation("conv", "id", "user");
CREATE UNIQUE INDEX INVITATION_BY_INVITER ON invitation("open_by", "conv", "user");
CREATE UNIQUE INDEX INVITATION_BY_INVITED ON invitation("open_for", "conv", "user");
-- vault: one database, in no backup
CREATE TABLE data_key(
  "id" INTEGER NOT NULL,
  "conv" INTEGER NOT NULL,
  "k0" INTEGER NOT NULL,
  "k1" INTEGER NOT NULL,
  "k2" INTEGER NOT NULL,
  "k3" INTEGER NOT NULL,
  PRIMARY KEY("id")
) WITHOUT ROWID;
CREATE TABLE audit_log(
  "one" INTEGER NOT NULL,
  "seq" INTEGER NOT NULL,
  "step" INTEGER NOT NULL,
  "at" INTEGER NOT NULL,
  "kind" INTEGER NOT NULL,
  "actor" INTEGER NOT NULL,
  "device" INTEGER NOT NULL,
  "op" INTEGER NOT NULL,
  "operation" INTEGER NOT NULL,
  "conv" INTEGER NOT NULL,
  "target" INTEGER NOT NULL,
  "outcome" INTEGER NOT NULL,
  "why" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "h0" INTEGER NOT NULL,
  "h1" INTEGER NOT NULL,
  "h2" INTEGER NOT NULL,
  "h3" INTEGER NOT NULL,
  PRIMARY KEY("one", "seq")
) WITHOUT ROWID;
CREATE TABLE legal_hold(
  "kind" INTEGER NOT NULL,
  "id" INTEGER NOT NULL,
  "by" INTEGER NOT NULL,
  "at" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "listed" INTEGER NOT NULL,
  "seen" INTEGER NOT NULL,
  PRIMARY KEY("kind", "id")
) WITHOUT ROWID;
CREATE TABLE custody(
  "conv" INTEGER NOT NULL,
  "user" INTEGER NOT NULL,
  PRIMARY KEY("conv", "user")
) WITHOUT ROWID;
CREATE TABLE vault_meta(
  "key" INTEGER NOT NULL,
  "value" INTEGER NOT NULL,
  PRIMARY KEY("key")
) WITHOUT ROWID;
CREATE TABLE deletion_log(
  "seq" INTEGER NOT NULL,
  "step" INTEGER NOT NULL,
  "kind" INTEGER NOT NULL,
  "at" INTEGER NOT NULL,
  "conv" INTEGER NOT NULL,
  "target" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "named" INTEGER NOT NULL,
  "device" INTEGER NOT NULL,
  "op" INTEGER NOT NULL,
  "actor" INTEGER NOT NULL,
  "subject" INTEGER NOT NULL,
  "deadline" INTEGER NOT NULL,
  "reason" INTEGER NOT NULL,
  "cause" INTEGER NOT NULL,
  "value" INTEGER NOT NULL,
  PRIMARY KEY("seq")
) WITHOUT ROWID;
CREATE TABLE device_life(
  "device" INTEGER NOT NULL,
  "proved" INTEGER NOT NULL,
  "offered" INTEGER NOT NULL,
  "highest" INTEGER NOT NULL,
  PRIMARY KEY("device")
) WITHOUT ROWID;
CREATE UNIQUE INDEX KEY_BY_CONV ON data_key("conv", "id");
CREATE UNIQUE INDEX LEGAL_HOLD_BY_LISTED ON legal_hold("kind", "listed", "id");
CREATE UNIQUE INDEX CUSTODY_BY_USER ON custody("user", "conv");
-- blobs: one database, in no backup
CREATE TABLE blob(
  "id" INTEGER NOT NULL,
  "part" INTEGER NOT NULL,
  "conv" INTEGER NOT NULL,
  "version" INTEGER NOT NULL,
  "message" INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY("id", "part")
) WITHOUT ROWID;
