/*
 * idle_notice.hpp — who enqueues a message where nothing is sent hears of it at once.
 */
#pragma once

namespace whatsapp::pg
{

/* A WARNING, once a session for each reason: nobody sends, in this database or from this sender. In
 * a transaction, with SPI connected. */
void warn_of_idle_sender(const char *sender);

/* A WARNING of the database alone, for CREATE EXTENSION, in which a NOTICE is not shown; without
 * SPI. */
void warn_of_idle_database();

} // namespace whatsapp::pg
