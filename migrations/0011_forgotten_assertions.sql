-- Until when an assertion ended, at the latest, whose id is no longer among the used ones: one that ended by then may have
-- been used, and would count once more for a clock that was set back.
CREATE TABLE forgotten_assertions (
    only_row BIGINT PRIMARY KEY CHECK (only_row = 1),
    ended_by BIGINT NOT NULL
);
INSERT INTO forgotten_assertions (only_row, ended_by) VALUES (1, 0);
