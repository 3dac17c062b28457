/* Recipients: who has opted out, and who wrote within the last 24 hours. */

-- What each person has said last about being written to, per sender (NULL: all of them) and scope.
CREATE TABLE whatsapp_opt_outs (
    contact    text NOT NULL,
    sender     text,
    scope      text NOT NULL CHECK (scope IN ('all', 'marketing')),
    opted_out  boolean NOT NULL,
    changed_at timestamptz NOT NULL,
    source     text NOT NULL CHECK (source IN ('keyword', 'user_preferences', 'error', 'function')),
    reason     text
);
ALTER TABLE whatsapp_opt_outs REPLICA IDENTITY FULL;

-- When each person wrote last. Apart from whatsapp_inbound, whose rows may have to wait for somebody's trigger.
CREATE TABLE whatsapp_windows (
    contact         text NOT NULL,
    sender          text,
    last_inbound_at timestamptz NOT NULL
) WITH (fillfactor = 70);
ALTER TABLE whatsapp_windows REPLICA IDENTITY FULL;

-- Which phone and which business-scoped user id are one person, as webhooks of an account have told. A choice or a message under one of
-- them is one under the other, too, for the senders of that account.
CREATE TABLE whatsapp_user_ids (
    account   text,
    user_id   text NOT NULL,
    contact   text NOT NULL,
    learnt_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
ALTER TABLE whatsapp_user_ids REPLICA IDENTITY FULL;

-- A row of yours goes before the built-in one of the same keyword. Only yours are dumped: the built-in ones come with the extension.
CREATE TABLE whatsapp_opt_out_keywords (
    keyword  text NOT NULL CHECK (keyword = pg_catalog.upper(pg_catalog.btrim(keyword)) AND keyword <> ''),
    action   text NOT NULL CHECK (action IN ('stop', 'resume', 'none')),
    scope    text NOT NULL DEFAULT 'all' CHECK (scope IN ('all', 'marketing')),
    built_in boolean NOT NULL DEFAULT false,
    PRIMARY KEY (keyword, built_in)
);

-- Compared by letters and digits alone, so STOP ALL is STOPALL, too. No word for "cancel" or "end": who answers a purchase order with it
-- may mean the order.
INSERT INTO whatsapp_opt_out_keywords (keyword, action, scope, built_in)
SELECT k, 'stop', 'all', true FROM pg_catalog.unnest('{
    STOP,STOP ALL,QUIT,UNSUBSCRIBE,OPT OUT,REMOVE ME,
    BAJA,DAR DE BAJA,DARME DE BAJA,DARSE DE BAJA,CANCELAR SUSCRIPCION,NO MAS MENSAJES,
    BAIXA,DONAR DE BAIXA,
    SAIR,PARAR,DESCADASTRAR,CANCELAR INSCRICAO,CANCELAR SUBSCRICAO,
    ARRET,ARRETER,DESABONNER,ME DESABONNER,SE DESABONNER,DESABONNEMENT,DESINSCRIRE,ME DESINSCRIRE,DESINSCRIPTION,
    ABMELDEN,STOPP,ABBESTELLEN,AUSTRAGEN,
    DISISCRIVIMI,DISISCRIVITI,CANCELLAMI,ANNULLA ISCRIZIONE,
    AFMELDEN,UITSCHRIJVEN}'::text[]) AS k
UNION ALL SELECT k, 'stop', 'marketing', true FROM pg_catalog.unnest('{
    STOP PROMOTIONS,STOP PROMOS,STOP MARKETING,
    DETENER PROMOCIONES,PARAR PROMOCIONES,NO MAS PROMOCIONES,
    PARAR PROMOCOES,INTERROMPER PROMOCOES,
    ARRETER LES PROMOTIONS,ARRETER LES PROMOS,STOP PUB,
    WERBUNG STOPPEN,ANGEBOTE STOPPEN,KEINE WERBUNG,
    INTERROMPI PROMOZIONI,STOP PROMOZIONI,
    PROMOTIES STOPPEN,STOP RECLAME}'::text[]) AS k
UNION ALL SELECT k, 'resume', 'all', true FROM pg_catalog.unnest('{START,UNSTOP,SUBSCRIBE,OPT IN,ALTA,DAR DE ALTA,DARME DE ALTA}'::text[]) AS k;

CREATE UNIQUE INDEX whatsapp_opt_outs_key ON whatsapp_opt_outs (contact, sender, scope) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX whatsapp_user_ids_key ON whatsapp_user_ids (user_id, contact, account) NULLS NOT DISTINCT;
CREATE INDEX whatsapp_user_ids_contact_idx ON whatsapp_user_ids (contact);
CREATE UNIQUE INDEX whatsapp_windows_key ON whatsapp_windows (contact, sender) NULLS NOT DISTINCT;

CREATE FUNCTION wa_keyword_key(words text) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_keyword_key';

CREATE FUNCTION wa_opt_out(phone text, sender text DEFAULT NULL, scope text DEFAULT 'all', reason text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_opt_out';

CREATE FUNCTION wa_opt_in(phone text, sender text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_opt_in';

CREATE FUNCTION wa_window_open(phone text, sender text DEFAULT NULL) RETURNS boolean
LANGUAGE C STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_window_open';

COMMENT ON TABLE whatsapp_opt_outs IS 'Who wants no messages, or no marketing. A row with opted_out false tells that they want them again.';
COMMENT ON COLUMN whatsapp_opt_outs.contact IS 'The person, see wa_contact_key().';
COMMENT ON COLUMN whatsapp_opt_outs.sender IS 'Which sender it is about; NULL is all of them.';
COMMENT ON COLUMN whatsapp_opt_outs.scope IS 'all, or marketing: templates whose category is known to be MARKETING.';
COMMENT ON COLUMN whatsapp_opt_outs.opted_out IS 'False: they want messages again.';
COMMENT ON COLUMN whatsapp_opt_outs.changed_at IS 'Time of the choice, not of its arrival. The latest one counts.';
COMMENT ON COLUMN whatsapp_opt_outs.source IS 'Where the choice was made: keyword, user_preferences, error (131050) or function.';
COMMENT ON COLUMN whatsapp_opt_outs.reason IS 'The word, Meta''s detail, or what wa_opt_out() was told.';
COMMENT ON TABLE whatsapp_windows IS 'When each person last wrote to each sender: any message may answer for 24 hours, see wa_window_open().';
COMMENT ON COLUMN whatsapp_windows.contact IS 'The person, see wa_contact_key().';
COMMENT ON COLUMN whatsapp_windows.sender IS 'Name of the sender that was written to.';
COMMENT ON COLUMN whatsapp_windows.last_inbound_at IS 'Meta''s time of the person''s last message.';
COMMENT ON TABLE whatsapp_user_ids IS 'Which phones and business-scoped user ids are one person, as webhooks have told: what is chosen under one holds for the other.';
COMMENT ON COLUMN whatsapp_user_ids.account IS 'Name of the account whose webhook told it, and for whose senders it holds; NULL is the default one.';
COMMENT ON COLUMN whatsapp_user_ids.user_id IS 'The business-scoped user id.';
COMMENT ON COLUMN whatsapp_user_ids.contact IS 'The phone, see wa_contact_key().';
COMMENT ON COLUMN whatsapp_user_ids.learnt_at IS 'When it was learnt.';
COMMENT ON TABLE whatsapp_opt_out_keywords IS 'Words that opt out or back in when they are all of an inbound text or button.';
COMMENT ON COLUMN whatsapp_opt_out_keywords.keyword IS 'The word or words, in capitals; compared by wa_keyword_key().';
COMMENT ON COLUMN whatsapp_opt_out_keywords.action IS 'stop, resume, or none: the word does nothing.';
COMMENT ON COLUMN whatsapp_opt_out_keywords.scope IS 'all, or marketing.';
COMMENT ON COLUMN whatsapp_opt_out_keywords.built_in IS 'Came with the extension. A row of yours with the same keyword goes before it.';
COMMENT ON FUNCTION wa_keyword_key(text) IS
    'How a text is compared with whatsapp_opt_out_keywords: its letters and digits in small letters, without accents, spaces, signs and emoji. Empty for a text that is too long to be a keyword.';
COMMENT ON FUNCTION wa_opt_out(text, text, text, text) IS
    'Records that a person wants no messages: nothing (scope all), or no template of category MARKETING (scope marketing), is sent to this phone or user id any more, by one sender or for NULL by any. False when it was so already. Raises 22023 for the phone or scope, 22004 for NULL, 42704 for an unknown sender.';
COMMENT ON FUNCTION wa_opt_in(text, text) IS
    'Ends the opt-outs of a phone or user id, however they came about: those of one sender, or all. False when there was none. Call it only when the person has agreed. Raises 22023 for the phone, 22004 for NULL, 42704 for an unknown sender.';
COMMENT ON FUNCTION wa_window_open(text, text) IS
    'True when this phone or user id wrote to the sender (whatsapp.default_sender for NULL) within the last 24 hours, so that any message may be sent, not templates only. The 72 hours after an ad are about the price; they open nothing. Stable: the hours are counted from the start of the transaction. Raises 42501 for a sender of others.';

REVOKE ALL ON FUNCTION wa_opt_out(text, text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_opt_in(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_window_open(text, text) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_opt_outs', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_windows', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_user_ids', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_opt_out_keywords', 'WHERE NOT built_in');
