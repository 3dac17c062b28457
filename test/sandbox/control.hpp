/*
 * control.hpp: what the parts of the control interface share.
 */
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace sandbox
{

struct Exchange;
struct Outage;
struct Sandbox;

void answer(Exchange &exchange, const nlohmann::json &body, int status = 200);
void complain(Exchange &exchange, int status, const std::string &why);

nlohmann::json settings_json(const Sandbox &box);
void change_settings(Sandbox &box, Exchange &exchange, const nlohmann::json &body);
/* Ends an outage, or begins another. */
void set_outage(Sandbox &box, const Outage &wanted);
/* Opens the 24-hour window for a phone, a user id, several of them, or "*". */
void open_windows(Sandbox &box, const nlohmann::json &phones);

/* Bodies of webhooks by hand (posting.cpp), of an item or an array of them. */
std::string inbound_body(Sandbox &box, const nlohmann::json &body, const std::string &split);
std::string statuses_body(const Sandbox &box, const nlohmann::json &body, const std::string &split);
std::string account_body(const Sandbox &box, const nlohmann::json &body, const std::string &split);
nlohmann::json samples_json();

} // namespace sandbox
