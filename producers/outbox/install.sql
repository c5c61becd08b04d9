-- The outbox of a register: events are written in the transaction that changes the register, and the
-- relay of the bus takes them from there. For Postgres 14 to 18; no superuser and no extension.
--
--   psql -X -v ON_ERROR_STOP=1 -f install.sql "$REGISTER_URL"        or        bus outbox install
--
-- Run it as the role that shall own the outbox. Running it again upgrades what is there and loses
-- nothing. What other roles need:
--
--   the application    nothing for tables that are watched; to publish by itself:
--                        GRANT USAGE ON SCHEMA gemeentebus TO zaken_app;
--                        GRANT EXECUTE ON FUNCTION gemeentebus.publish TO zaken_app;
--   the relay            GRANT USAGE ON SCHEMA gemeentebus TO bus_relay;
--                        GRANT SELECT, DELETE ON gemeentebus.outbox TO bus_relay;
--                        GRANT SELECT, INSERT ON gemeentebus.outbox_rejected TO bus_relay;
--   the outbox's owner   TRIGGER and SELECT on each table of another owner that it watches.
--
-- Why the relay may follow this table without losing or reordering anything: a writer takes its id
-- after it holds the lock on the row that it changes, so ids of one key commit in order; and the
-- relay remembers no position, it takes and deletes what is visible, lowest id first, so that a
-- lower id that becomes visible later is simply taken in the next round.

BEGIN;

-- The number is "gemeente" in ASCII: two installations at a time would trip over each other.
DO $$ BEGIN PERFORM pg_catalog.pg_advisory_xact_lock(7450481440815215717); END $$;

-- An upgrade acts as the owner of what is there. (IF NOT EXISTS would ask for the right to make schemas.)
DO $$
DECLARE
    owner name;
BEGIN
    SELECT pg_catalog.pg_get_userbyid(nspowner) INTO owner
    FROM pg_catalog.pg_namespace WHERE nspname = 'gemeentebus';
    IF owner IS NULL THEN
        CREATE SCHEMA gemeentebus;
    ELSIF owner <> current_user THEN
        PERFORM pg_catalog.set_config('role', owner, true);
    END IF;
END $$;

-- Tables ------------------------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS gemeentebus.outbox (
    -- CACHE 1: a session that kept numbers for later would write a later event with a lower id.
    id              bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    event_id        uuid NOT NULL DEFAULT gen_random_uuid(),  -- the same however often it is relayed
    type            text NOT NULL,
    source          text NOT NULL,
    partitionkey    text NOT NULL,  -- events of one key stay in order
    subject         text,
    dataref         text,
    "time"          timestamptz NOT NULL DEFAULT clock_timestamp(),
    datacontenttype text,
    data            bytea,
    extensions      jsonb NOT NULL DEFAULT '{}',  -- any other attribute: dataschema, sequence, …
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Rows come and go all day and the table is nearly always empty: clean by count, not by share, and
-- without pausing. Truncating the file would take a lock that the writers have to wait for.
ALTER TABLE gemeentebus.outbox SET (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 10000,
    vacuum_truncate = false,
    toast.autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 1000,
    toast.autovacuum_vacuum_cost_delay = 0,
    toast.vacuum_truncate = false
);

-- Rows that can never be published as they are, with the reason: nothing is lost, nothing waits
-- behind them. gemeentebus.requeue puts them back once the cause is gone.
CREATE TABLE IF NOT EXISTS gemeentebus.outbox_rejected (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id        uuid NOT NULL,
    type            text NOT NULL,
    source          text NOT NULL,
    partitionkey    text NOT NULL,
    subject         text,
    dataref         text,
    "time"          timestamptz NOT NULL,
    datacontenttype text,
    data            bytea,
    extensions      jsonb NOT NULL,
    created_at      timestamptz NOT NULL,
    reason          text NOT NULL,  -- never quotes subject or data
    rejected_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS gemeentebus.watched (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    relation    regclass NOT NULL UNIQUE,
    source      text NOT NULL,
    type_prefix text NOT NULL,
    dataref     text,
    operations  text[] NOT NULL,
    columns     text[],  -- null: any of them
    verbs       text[] NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Publishing by hand ------------------------------------------------------------------------------

-- Puts one event into the outbox, in the caller's transaction, and gives its id. Change (or lock) the
-- row that the event is about before this: then events of one key are in the order of the changes.
-- "data" is text, JSON unless datacontenttype says otherwise; bytes can be inserted into the table.
CREATE OR REPLACE FUNCTION gemeentebus.publish(
    type            text,
    source          text,
    partitionkey    text,
    dataref         text DEFAULT NULL,
    subject         text DEFAULT NULL,
    data            text DEFAULT NULL,
    datacontenttype text DEFAULT NULL,
    extensions      jsonb DEFAULT '{}',
    "time"          timestamptz DEFAULT clock_timestamp()
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made uuid;
BEGIN
    IF coalesce(publish.type, '') = '' OR coalesce(publish.source, '') = ''
            OR coalesce(publish.partitionkey, '') = '' THEN
        RAISE EXCEPTION 'an event has a type, a source and a partitionkey, none of them empty'
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    INSERT INTO gemeentebus.outbox AS o
        (type, source, partitionkey, subject, dataref, "time", datacontenttype, data, extensions)
    VALUES (
        publish.type, publish.source, publish.partitionkey, publish.subject, publish.dataref,
        coalesce(publish."time", clock_timestamp()),
        CASE WHEN publish.data IS NULL THEN publish.datacontenttype
             ELSE coalesce(publish.datacontenttype, 'application/json') END,
        convert_to(publish.data, 'UTF8'), coalesce(publish.extensions, '{}')
    )
    RETURNING o.event_id INTO made;
    RETURN made;
END $$;

-- Puts rejected rows back into the outbox, all or those of these ids, with their event ids and in their
-- order, and gives their number. They come after the events that were published meanwhile.
CREATE OR REPLACE FUNCTION gemeentebus.requeue(ids bigint[] DEFAULT NULL) RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    WITH back AS (
        DELETE FROM gemeentebus.outbox_rejected AS r
        WHERE requeue.ids IS NULL OR r.id = ANY (requeue.ids)
        RETURNING r.*
    ), put AS (
        INSERT INTO gemeentebus.outbox (event_id, type, source, partitionkey, subject, dataref,
                                        "time", datacontenttype, data, extensions, created_at)
        SELECT event_id, type, source, partitionkey, subject, dataref,
               "time", datacontenttype, data, extensions, created_at
        FROM back ORDER BY id
        RETURNING 1
    )
    SELECT count(*) FROM put
$$;

-- Watching tables ---------------------------------------------------------------------------------

-- Gives a text as one segment of a URI: all but letters, digits and -._~ percent-encoded.
CREATE OR REPLACE FUNCTION gemeentebus.uri_segment(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF value !~ '[^A-Za-z0-9._~-]' THEN
        RETURN value;
    END IF;
    RETURN (
        SELECT string_agg(
            CASE WHEN letter ~ '[A-Za-z0-9._~-]' THEN letter
                 ELSE regexp_replace(upper(encode(convert_to(letter, 'UTF8'), 'hex')), '(..)', '%\1', 'g')
            END, '' ORDER BY place)
        FROM unnest(string_to_array(value, NULL)) WITH ORDINALITY AS letters (letter, place)
    );
END $$;

-- Gives SQL for the text of one column of a record; null when the relation has no such column. The
-- text does not depend on settings of the session such as DateStyle and TimeZone.
CREATE OR REPLACE FUNCTION gemeentebus.column_text(relation regclass, record text, name text) RETURNS text
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN base IN ('smallint', 'integer', 'bigint', 'numeric', 'text', 'character varying',
                      'character', 'uuid', 'boolean')
            THEN format('%s.%I::text', record, name)
        WHEN base = 'timestamp with time zone'
            THEN format('(to_jsonb(%s.%I AT TIME ZONE ''UTC'') #>> ''{}'') || ''Z''', record, name)
        ELSE format('to_jsonb(%s.%I) #>> ''{}''', record, name)
    END
    FROM (
        SELECT format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, NULL) AS base
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = relation AND a.attname = name AND a.attnum > 0 AND NOT a.attisdropped
    ) AS of_type
$$;

-- Gives the columns of the primary key, in its order; none when there is no primary key.
CREATE OR REPLACE FUNCTION gemeentebus.key_columns(relation regclass) RETURNS text[]
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(a.attname::text ORDER BY k.place), '{}')
    FROM pg_index i
    CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indrelid = relation AND i.indisprimary AND k.place <= i.indnkeyatts
$$;

-- Gives SQL for the partitionkey: the primary key's value; of several columns the values as URI
-- segments with / between them, which no two keys share. Without a primary key: the table's name.
CREATE OR REPLACE FUNCTION gemeentebus.key_text(relation regclass, record text) RETURNS text
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE count(*)
        WHEN 0 THEN quote_literal(relation::text)
        WHEN 1 THEN min(value)
        ELSE string_agg(format('gemeentebus.uri_segment(%s)', value), ' || ''/'' || ' ORDER BY place)
    END
    FROM (
        SELECT gemeentebus.column_text(relation, record, name) AS value, place
        FROM unnest(gemeentebus.key_columns(relation)) WITH ORDINALITY AS k (name, place)
    ) AS parts
$$;

-- Gives SQL for the dataref: the template with a URI segment for each {column}. It is null for a row
-- in which one of those is null, and when the relation has lost one of them.
CREATE OR REPLACE FUNCTION gemeentebus.dataref_text(relation regclass, record text, template text)
RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(string_agg(
        concat_ws(' || ',
            CASE WHEN part[1] <> '' THEN quote_literal(part[1]) END,
            CASE WHEN part[3] IS NOT NULL THEN coalesce(
                'gemeentebus.uri_segment('
                    || gemeentebus.column_text(relation, record, part[3]) || ')',
                'NULL::text')
            END),
        ' || ' ORDER BY place), 'NULL::text')
    FROM regexp_matches(template, '([^{}]*)({([^{}]+)})?', 'g') WITH ORDINALITY AS parts (part, place)
    WHERE part[1] <> '' OR part[3] IS NOT NULL
$$;

-- Gives the query for key and dataref of one row of a watched table, $1, as the table is now.
CREATE OR REPLACE FUNCTION gemeentebus.row_query(watch_id integer) RETURNS text
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('SELECT %s, %s', gemeentebus.key_text(relation, '($1)'),
                  gemeentebus.dataref_text(relation, '($1)', dataref))
    FROM gemeentebus.watched WHERE id = watch_id
$$;

-- Gives the statement that writes one event about the old or the new row; without a type: none.
CREATE OR REPLACE FUNCTION gemeentebus.event_insert(type text, source text, side text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN type IS NULL THEN 'NULL;' ELSE format(
        'INSERT INTO gemeentebus.outbox (type, source, partitionkey, dataref) '
        'VALUES (%L, %L, %s_key, %s_ref);', type, source, side, side) END
$$;

-- Gives the event type for an operation on a watched table; null when that is not watched.
CREATE OR REPLACE FUNCTION gemeentebus.event_type(w gemeentebus.watched, operation text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN operation = ANY (w.operations) THEN
        w.type_prefix || '-' || w.verbs[array_position('{insert,update,delete}'::text[], operation)]
    END
$$;

-- Gives the body of the trigger function of one watched table, made for the columns it has now.
CREATE OR REPLACE FUNCTION gemeentebus.trigger_body(w gemeentebus.watched) RETURNS text
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $generator$
    SELECT format($body$
-- Made by gemeentebus.watch; run that again when columns of the table were renamed or replaced.
DECLARE
    old_key text; old_ref text;
    new_key text; new_ref text;
BEGIN
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            old_key := %1$s;
            old_ref := %2$s;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            new_key := %3$s;
            new_ref := %4$s;
        END IF;
    EXCEPTION WHEN undefined_column THEN
        -- A column was renamed or dropped: slower, but the register can still be written.
        IF TG_OP <> 'INSERT' THEN
            EXECUTE gemeentebus.row_query(%5$s) INTO old_key, old_ref USING OLD;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            EXECUTE gemeentebus.row_query(%5$s) INTO new_key, new_ref USING NEW;
        END IF;
    END;
    IF TG_OP = 'UPDATE' AND old_key = new_key THEN
        %6$s
        RETURN NULL;
    END IF;
    -- With a new key the old one is gone and the new one is there: told as such, or else as a change.
    IF TG_OP <> 'INSERT' THEN
        %7$s
    END IF;
    IF TG_OP <> 'DELETE' THEN
        %8$s
    END IF;
    RETURN NULL;
END $body$,
        gemeentebus.key_text(w.relation, 'OLD'),
        gemeentebus.dataref_text(w.relation, 'OLD', w.dataref),
        gemeentebus.key_text(w.relation, 'NEW'),
        gemeentebus.dataref_text(w.relation, 'NEW', w.dataref),
        w.id,
        gemeentebus.event_insert(changed, w.source, 'new'),
        gemeentebus.event_insert(coalesce(deleted, changed), w.source, 'old'),
        gemeentebus.event_insert(coalesce(created, changed), w.source, 'new'))
    FROM (
        SELECT gemeentebus.event_type(w, 'insert') AS created,
               gemeentebus.event_type(w, 'update') AS changed,
               gemeentebus.event_type(w, 'delete') AS deleted
    ) AS types
$generator$;

-- Makes the trigger function of a watched table, or makes it anew; gives its name. The function has
-- the rights of the outbox's owner, so that the application needs none.
CREATE OR REPLACE FUNCTION gemeentebus.make_function(w gemeentebus.watched) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name  constant text := format('gemeentebus.watched_%s()', w.id);
    owner constant name := (
        SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'gemeentebus.outbox'::regclass);
BEGIN
    EXECUTE format(
        'CREATE OR REPLACE FUNCTION %s RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER '
        'SET search_path = pg_catalog, pg_temp AS %L', name, gemeentebus.trigger_body(w));
    EXECUTE format('ALTER FUNCTION %s OWNER TO %I', name, owner);
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', name);
    RETURN name;
END $$;

-- Writes a deletion for each row of a watched table before it is truncated.
CREATE OR REPLACE FUNCTION gemeentebus.tell_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    w gemeentebus.watched;
BEGIN
    SELECT * INTO STRICT w FROM gemeentebus.watched WHERE relation = TG_RELID;
    EXECUTE format(
        'INSERT INTO gemeentebus.outbox (type, source, partitionkey, dataref) '
        'SELECT %L, %L, %s, %s FROM %s AS gone',
        gemeentebus.event_type(w, 'delete'), w.source,
        gemeentebus.key_text(w.relation, 'gone'),
        gemeentebus.dataref_text(w.relation, 'gone', w.dataref), w.relation);
    RETURN NULL;
END $$;

-- Gives the triggers that a watched table should have, with the statement that makes each.
CREATE OR REPLACE FUNCTION gemeentebus.triggers(w gemeentebus.watched)
RETURNS TABLE (name text, statement text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH changes AS (
        -- By value, not UPDATE OF: that looks at the statement and misses what other triggers change.
        -- As text: some types have no =, and some have one that a restored dump would not find.
        SELECT string_agg(format('OLD.%1$I::text IS DISTINCT FROM NEW.%1$I::text', name), ' OR '
                          ORDER BY name) AS condition
        FROM (
            SELECT unnest(gemeentebus.key_columns(w.relation)) AS name
            UNION
            SELECT unnest(w.columns) WHERE 'update' = ANY (w.operations)
        ) AS names
    ), of_rows AS (
        SELECT 'gemeentebus_insert' AS name, 'AFTER INSERT' AS moment, '' AS condition
        WHERE 'insert' = ANY (w.operations)
        UNION ALL
        SELECT 'gemeentebus_delete', 'AFTER DELETE', ''
        WHERE 'delete' = ANY (w.operations)
        UNION ALL
        SELECT 'gemeentebus_update', 'AFTER UPDATE',
            -- *<> compares what is stored, of whatever type, and names no column.
            CASE WHEN 'update' = ANY (w.operations) AND w.columns IS NULL
                THEN 'WHEN (OLD OPERATOR(pg_catalog.*<>) NEW)'
                ELSE format('WHEN (%s)', changes.condition)
            END
        FROM changes
    )
    SELECT name, format(
        'CREATE OR REPLACE TRIGGER %I %s ON %s FOR EACH ROW %s EXECUTE FUNCTION gemeentebus.watched_%s()',
        name, moment, w.relation, condition, w.id)
    FROM of_rows
    UNION ALL
    SELECT 'gemeentebus_truncate', format(
        'CREATE OR REPLACE TRIGGER gemeentebus_truncate BEFORE TRUNCATE ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION gemeentebus.tell_truncate()', w.relation)
    WHERE 'delete' = ANY (w.operations)
$$;

-- Forgets watched tables that were dropped.
CREATE OR REPLACE FUNCTION gemeentebus.forget_dropped() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gone integer;
BEGIN
    FOR gone IN
        DELETE FROM gemeentebus.watched AS w
        WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = w.relation)
        RETURNING w.id
    LOOP
        EXECUTE format('DROP FUNCTION IF EXISTS gemeentebus.watched_%s()', gone);
    END LOOP;
END $$;

-- Raises what is wrong with a watch that is asked for. All of class 42, whose text names no data.
CREATE OR REPLACE FUNCTION gemeentebus.check_watch(w gemeentebus.watched) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    class   pg_class;
    owner   oid;
    unknown text;
BEGIN
    SELECT * INTO STRICT class FROM pg_class WHERE oid = w.relation;
    SELECT relowner INTO owner FROM pg_class WHERE oid = 'gemeentebus.outbox'::regclass;
    IF class.relkind NOT IN ('r', 'p') OR class.relpersistence = 't'
            OR class.relnamespace IN ('gemeentebus'::regnamespace, 'pg_catalog'::regnamespace) THEN
        RAISE EXCEPTION '% is not a table of a register', w.relation USING ERRCODE = '42809';
    ELSIF class.relispartition THEN
        RAISE EXCEPTION '% is a partition: watch the table that it is a partition of', w.relation
            USING ERRCODE = '42809';
    ELSIF gemeentebus.key_columns(w.relation) = '{}' THEN
        RAISE EXCEPTION '% has no primary key, by which its events would be ordered: give it one first',
            w.relation USING ERRCODE = '42P16';
    ELSIF w.operations = '{}' OR NOT w.operations <@ '{insert,update,delete}' THEN
        RAISE EXCEPTION 'operations are one or more of insert, update and delete' USING ERRCODE = '42P17';
    ELSIF coalesce(cardinality(w.verbs), 0) <> 3 OR '' = ANY (w.verbs)
            OR array_position(w.verbs, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'verbs are three words: for insert, update and delete' USING ERRCODE = '42P17';
    ELSIF coalesce(w.source, '') = '' OR coalesce(w.type_prefix, '') = '' THEN
        RAISE EXCEPTION 'a watch has a source and a type, neither of them empty' USING ERRCODE = '42P17';
    ELSIF w.dataref = '' OR w.dataref !~ '^([^{}]|{[^{}]+})*$' THEN
        RAISE EXCEPTION 'dataref is a URI with columns between braces, such as https://zaken.example.nl/zaken/{id}'
            USING ERRCODE = '42P17';
    ELSIF w.columns = '{}' OR (w.columns IS NOT NULL AND NOT 'update' = ANY (w.operations)) THEN
        RAISE EXCEPTION 'columns are those whose change is told: at least one, and with the operation update'
            USING ERRCODE = '42P17';
    ELSIF 'delete' = ANY (w.operations) AND NOT has_table_privilege(owner, w.relation, 'SELECT') THEN
        RAISE EXCEPTION '% may not read %, which a TRUNCATE asks for: GRANT SELECT ON % TO %',
            pg_get_userbyid(owner), w.relation, w.relation, quote_ident(pg_get_userbyid(owner))
            USING ERRCODE = '42501';
    END IF;
    SELECT name INTO unknown FROM (
        SELECT unnest(w.columns)
        UNION
        SELECT part[1] FROM regexp_matches(w.dataref, '{([^{}]+)}', 'g') AS part
    ) AS asked (name)
    WHERE gemeentebus.column_text(w.relation, 'NEW', name) IS NULL;
    IF FOUND THEN
        RAISE EXCEPTION '% has no column %', w.relation, quote_ident(unknown) USING ERRCODE = '42703';
    END IF;
END $$;

-- Watches a table: from now on each insert, update and delete of a row writes an event into the
-- outbox, in the same transaction. It tells the key and where to look (dataref), not what changed.
--
--   SELECT gemeentebus.watch('zaken', 'urn:nld:oin:00000001234567890000:systeem:zaken', 'nl.zaken.zaak',
--                            dataref => 'https://zaken.example.nl/zaken/{id}');
--
-- types          <type_prefix>-<verb>: nl.zaken.zaak-gecreeerd, -gewijzigd, -verwijderd, unless other verbs
--                are given
-- partitionkey   the primary key; of several columns their values as URI segments with / between them
-- dataref        the template, with each {column} as a URI segment; no dataref for a row where one is null
-- operations     only some of insert, update, delete
-- columns        an update only when one of these (or the key) changes; until unwatch, Postgres then
--                refuses to drop them or to change their type
--
-- Key and dataref go to everybody who may read the events: choose columns that are no personal data. A
-- table whose primary key is a BSN should get a technical key before it is watched.
--
-- An update that changes nothing writes nothing. One that changes the primary key (and so a move to
-- another partition) is the deletion of the old key and then the creation of the new one; where these
-- are not watched but updates are, it is a change of each. TRUNCATE writes a deletion for each row,
-- not when it names a single partition. Rows that arrive by logical replication write nothing.
--
-- Watching again replaces the options. Needs the right to make triggers on the table; waits for its
-- writers, as CREATE TRIGGER does. Watch again after renaming columns: until then events go on, but
-- without the dataref that named them, and gemeentebus.watches says `outdated`.
CREATE OR REPLACE FUNCTION gemeentebus.watch(
    relation    regclass,
    source      text,
    type_prefix text,
    dataref     text DEFAULT NULL,
    operations  text[] DEFAULT '{insert,update,delete}',
    columns     text[] DEFAULT NULL,
    verbs       text[] DEFAULT '{gecreeerd,gewijzigd,verwijderd}'
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    w      gemeentebus.watched;
    remove text;
    make   text;
BEGIN
    PERFORM gemeentebus.forget_dropped();
    INSERT INTO gemeentebus.watched AS present
        (relation, source, type_prefix, dataref, operations, columns, verbs)
    VALUES (watch.relation, watch.source, watch.type_prefix, watch.dataref, watch.operations,
            watch.columns, watch.verbs)
    ON CONFLICT ON CONSTRAINT watched_relation_key DO UPDATE SET
        source = excluded.source, type_prefix = excluded.type_prefix, dataref = excluded.dataref,
        operations = excluded.operations, columns = excluded.columns, verbs = excluded.verbs
    RETURNING * INTO w;
    PERFORM gemeentebus.check_watch(w);
    PERFORM gemeentebus.make_function(w);
    FOR remove IN
        SELECT format('DROP TRIGGER %I ON %s', t.tgname, w.relation) FROM pg_trigger t
        WHERE t.tgrelid = w.relation AND t.tgname LIKE 'gemeentebus\_%' AND NOT t.tgisinternal
            AND t.tgname NOT IN (SELECT name FROM gemeentebus.triggers(w))
    LOOP
        EXECUTE remove;
    END LOOP;
    FOR make IN SELECT statement FROM gemeentebus.triggers(w) LOOP
        EXECUTE make;
    END LOOP;
END $$;

-- Ends a watch; gives false when there was none. Events in the outbox are still relayed.
CREATE OR REPLACE FUNCTION gemeentebus.unwatch(relation regclass) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ended integer;
    name  text;
BEGIN
    DELETE FROM gemeentebus.watched AS w WHERE w.relation = unwatch.relation RETURNING w.id INTO ended;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    FOR name IN
        SELECT t.tgname FROM pg_trigger t
        WHERE t.tgrelid = unwatch.relation AND t.tgname LIKE 'gemeentebus\_%' AND NOT t.tgisinternal
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', name, unwatch.relation);
    END LOOP;
    EXECUTE format('DROP FUNCTION IF EXISTS gemeentebus.watched_%s()', ended);
    RETURN true;
END $$;

-- Every watched table with its options and its state:
--   ok          each change is told
--   outdated    told, but the columns are not those that the watch was made for: watch it again
--   broken      a trigger is missing or disabled: changes are not told; watch it again
--   dropped     there is no such table any more
CREATE OR REPLACE VIEW gemeentebus.watches AS
SELECT w.relation::text AS relation, w.source, w.type_prefix, w.dataref, w.operations, w.columns, w.verbs,
    CASE
        WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = w.relation) THEN 'dropped'
        WHEN EXISTS (
            SELECT FROM gemeentebus.triggers(w) AS asked
            WHERE NOT EXISTS (
                SELECT FROM pg_catalog.pg_trigger t
                WHERE t.tgrelid = w.relation AND t.tgname = asked.name AND t.tgenabled IN ('O', 'A')
            )
        ) THEN 'broken'
        WHEN NOT EXISTS (
            SELECT FROM pg_catalog.pg_proc p
            WHERE p.pronamespace = 'gemeentebus'::pg_catalog.regnamespace
                AND p.proname = 'watched_' || w.id AND p.prosrc = gemeentebus.trigger_body(w)
        ) THEN 'outdated'
        ELSE 'ok'
    END AS state
FROM gemeentebus.watched AS w;

-- Rights, and what an upgrade makes anew ----------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA gemeentebus FROM PUBLIC;

DO $$
BEGIN
    PERFORM gemeentebus.forget_dropped();
    PERFORM gemeentebus.make_function(w) FROM gemeentebus.watched AS w;
END $$;

COMMIT;
