-- The read model. Everything in it comes from topics; `positions` says up to which offset.
-- Moments are milliseconds since the epoch. `severity` is the rank, 0 unknown to 5 critical.
-- `num` grows in the order in which indicators became known here, and is what search results are paged by.
CREATE TABLE positions (
    topic TEXT NOT NULL,
    part INTEGER NOT NULL,
    next INTEGER NOT NULL,
    PRIMARY KEY (topic, part)
) WITHOUT ROWID;
CREATE TABLE unreadable (
    topic TEXT NOT NULL,
    part INTEGER NOT NULL,
    key TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (topic, part, key)
) WITHOUT ROWID;

CREATE TABLE indicators (
    num INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    value TEXT NOT NULL,
    severity INTEGER NOT NULL,
    reputation INTEGER NOT NULL,
    active INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    expires_at INTEGER,
    hits INTEGER NOT NULL,
    sources TEXT NOT NULL, -- names, as a JSON list
    tags TEXT NOT NULL     -- the same
);
-- The whole record, read for one indicator at a time: apart, so that lists need not step over it.
CREATE TABLE records (
    num INTEGER PRIMARY KEY,
    raw BLOB NOT NULL
);
-- `s:<source>` and `t:<tag>`, with what lists are filtered by, so that every filter is a seek.
CREATE TABLE labels (
    label TEXT NOT NULL,
    active INTEGER NOT NULL,
    type TEXT NOT NULL,
    severity INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    num INTEGER NOT NULL,
    PRIMARY KEY (label, active, type, severity, last_seen, num)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (
    value, content = 'indicators', content_rowid = 'num', detail = full, tokenize = 'unicode61 remove_diacritics 0'
);

-- One row per target that wants an indicator, has it, or had to leave it out.
CREATE TABLE shared (
    indicator TEXT NOT NULL,
    destination TEXT NOT NULL,
    target TEXT NOT NULL,
    content TEXT,          -- of the desired entry; NULL: not wanted there
    sharings TEXT,         -- names, with blanks between them
    released INTEGER,
    resend_at INTEGER,
    wanted_at INTEGER,     -- when what is wanted was reported
    became TEXT,           -- what its pusher knows of it; NULL: not there
    became_content TEXT,
    reason TEXT,
    detail TEXT,
    at INTEGER,
    attempts INTEGER,
    skipped TEXT,          -- why the router left it out
    state TEXT GENERATED ALWAYS AS (
        CASE
            WHEN content IS NULL AND became IS NOT NULL THEN 'withdrawing'
            WHEN content IS NULL THEN 'skipped'
            WHEN released THEN 'released'
            WHEN became IS NULL OR became_content <> content OR at < resend_at THEN 'pending'
            ELSE became
        END
    ) VIRTUAL,
    PRIMARY KEY (indicator, destination, target)
) WITHOUT ROWID;

CREATE TABLE activity (
    num INTEGER PRIMARY KEY, -- the offset
    at INTEGER NOT NULL,
    level TEXT NOT NULL,
    code TEXT NOT NULL,
    service TEXT NOT NULL,
    connection TEXT,
    raw BLOB NOT NULL
);
CREATE INDEX activity_by_level ON activity (level);
CREATE INDEX activity_by_code ON activity (code);
CREATE INDEX activity_by_connection ON activity (connection);
