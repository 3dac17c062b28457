/*
 * error_codes.cpp — every error code that an answer or a status can carry, what it means and what
 * to do about it.
 *
 * One row per code, in order; a row that begins a range stands for the whole range. Meanings are
 * our own words, since Meta's texts are localised and change. To add a code, add a row.
 */
#include "core/answer/error_codes.hpp"

#include <cstdint>

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr char token_hint[] = "Access token expired: generate a permanent system user token in "
                              "Meta Business Suite and set it for this sender.";
constexpr char permission_hint[] =
    "Give the system user the whatsapp_business_messaging permission and full access to the "
    "WhatsApp Business Account, then generate a new token.";
constexpr char rate_hint[] =
    "Nothing: it is tried again later. If it happens often, send more slowly.";
constexpr char wait_hint[] =
    "Nothing: it is tried again after the wait that the platform asks for.";
constexpr char address_hint[] =
    "Check whatsapp.api_base_url, which has no version and no path, whatsapp.api_version, and "
    "phone_number_id of the sender.";
constexpr char sender_hint[] =
    "Check phone_number_id and api_version of the sender, and that its token may use this number.";
constexpr char policy_hint[] = "See the account's quality and policy notices in Meta Business "
                               "Suite and request a review there.";
constexpr char phone_hint[] =
    "Check the phone format: the number must be in E.164 form, for example +34612345678.";
constexpr char norepeat_hint[] = "Do not repeat the message; reach the recipient in another way.";
constexpr char inbound_hint[] =
    "Nothing: it concerns a message that was received; ask the person to send it again.";
constexpr char request_hint[] = "Compare the message with the API reference; details names the "
                                "parameter. Phone numbers are written as +34612345678 (E.164).";
constexpr char group_hint[] = "Check the group and its participants in the Groups API.";
constexpr char payment_hint[] =
    "Add or correct the payment method of the WhatsApp Business Account in Meta Business Suite.";
constexpr char register_hint[] = "Register or verify the number again in WhatsApp Manager.";
constexpr char pin_hint[] =
    "Wait as long as details says, then use the right PIN or reset it in WhatsApp Manager.";
constexpr char endpoint_hint[] =
    "Set whatsapp.marketing_endpoint, or marketing_endpoint of whatsapp_accounts: marketing_messages "
    "where the account is in the Marketing Messages API, messages elsewhere.";
constexpr char parameters_hint[] =
    "Compare number, order and format of the parameters with the approved template.";
constexpr char template_hint[] = "Template not found: ensure the template is APPROVED in Meta "
                                 "Business Suite in this language, with exactly this name.";
constexpr char flow_hint[] = "Check the state of the flow in WhatsApp Manager.";
constexpr char calling_hint[] = "See the Calling API reference; messages are not affected.";
constexpr char version_hint[] =
    "Set whatsapp.api_version, or api_version of the account, to a version that the platform still "
    "serves, for example v25.0.";
constexpr char app_hint[] =
    "Compare the app's settings in the Meta App Dashboard (app secret proof, allowed IP addresses "
    "of servers) with the token and with this server.";
constexpr char health_hint[] =
    "Look at the health status of number and account in WhatsApp Manager.";
constexpr char manage_hint[] =
    "Look at the template or account in WhatsApp Manager; messages are not affected.";
constexpr char create_hint[] = "Correct the template and submit it again.";

constexpr Explanation table[] = {
    {0, Verdict::account,
     "The access token has expired, was revoked, or the user changed the settings.", token_hint},
    {1, Verdict::retry,
     "The API could not process the request: invalid request or an unknown error.",
     "Retried a few times; if it stays, compare the request with the API reference."},
    {2, Verdict::retry, "The API is temporarily down or overloaded.", platform_status_hint},
    {3, Verdict::account, "The app lacks the capability or the permission for this call.",
     permission_hint},
    {4, Verdict::throttle, "The app has reached its call rate limit.", rate_hint},
    {5, Verdict::account, "The app does not take requests from this server's IP address.",
     app_hint},
    {9, Verdict::throttle, "Too many actions were made in a short time.", rate_hint},
    {10, Verdict::account, "Permission was not granted or has been removed.", permission_hint},
    {12, Verdict::account, "The call, or the API version that it names, is not served any more.",
     version_hint},
    {17, Verdict::throttle, "The user call rate limit of the Graph API was reached.", rate_hint},
    {32, Verdict::throttle, "The page call rate limit of the Graph API was reached.", rate_hint},
    {33, Verdict::account, "The business phone number was deleted or the phone number id is wrong.",
     sender_hint},
    {100, Verdict::refused, "The request has a parameter that is unknown, misspelt or not valid.",
     "Check the phone format, for example +34612345678 (E.164), the template parameters, and that "
     "the token may use this phone_number_id."},
    {101, Verdict::account, "The app's id is not valid.", app_hint},
    {102, Verdict::account, "The API session is invalid.", token_hint},
    {104, Verdict::account,
     "The signature of the request is missing or wrong: the app asks for a proof of its secret.",
     app_hint},
    {190, Verdict::account, "The access token has expired or is invalid.", token_hint},
    {200, Verdict::account,
     "The API permission is missing, or the system user has no access to the account (codes 200 to "
     "299).",
     permission_hint},
    {341, Verdict::throttle, "An application limit of the Graph API was reached.", rate_hint},
    {368, Verdict::account,
     "The WhatsApp Business Account is blocked for a time because it violated a policy.",
     policy_hint},
    {613, Verdict::throttle, "A custom call rate limit of the Graph API was reached.", rate_hint},
    {803, Verdict::account, "The id in the address of the request does not exist.", sender_hint},
    {1026, Verdict::refused, "The recipient's app cannot receive this type of message.",
     phone_hint},
    {2500, Verdict::account,
     "The address of the request is not one of the API's: a part of its path is unknown.",
     address_hint},
    {2635, Verdict::account, "The API version that the request names is not served any more.",
     version_hint},
    {80000, Verdict::throttle,
     "A rate limit for business use cases was reached (codes 80000 to 80014).", rate_hint},
    {80007, Verdict::throttle, "The WhatsApp Business Account has reached its call rate limit.",
     rate_hint},
    {80008, Verdict::throttle,
     "The WhatsApp Business Account has reached its rate limit for business use cases.", rate_hint},
    {130403, Verdict::refused, "The business has blocked this user.",
     "Unblock the user first if the message shall arrive."},
    {130429, Verdict::throttle, "The throughput limit of the sending number was reached.",
     "Nothing: sending slows down by itself. If it happens often, lower the rate of this sender."},
    {130472, Verdict::refused,
     "The recipient's number is part of an experiment of Meta's, which withholds marketing "
     "messages.",
     norepeat_hint},
    {130497, Verdict::refused, "The account may not message users in the recipient's country.",
     "Remove recipients in this country; the WhatsApp Business policies list the countries."},
    {130501, Verdict::refused, "An inbound message of a type that groups do not support.",
     inbound_hint},
    {131000, Verdict::retry, "Something went wrong at Meta's side, without further explanation.",
     platform_status_hint},
    {131005, Verdict::account, "Access was denied: a permission is not granted.", permission_hint},
    {131008, Verdict::refused, "A required parameter is missing.", request_hint},
    {131009, Verdict::refused, "The value of a parameter is not valid.",
     "Check the phone format, for example +34612345678 (E.164), and the values of the request; a "
     "reaction needs a message of the last 30 days."},
    {131016, Verdict::retry, "A service is temporarily unavailable.", platform_status_hint},
    {131020, Verdict::refused, "The group is unknown or cannot be used.", group_hint},
    {131021, Verdict::refused, "Sender and recipient are the same phone number.",
     "Use another recipient, in E.164 form, for example +34612345678."},
    {131026, Verdict::refused,
     "The message could not be delivered: the recipient is not on WhatsApp, uses an old version, "
     "has not accepted the terms or has blocked the business.",
     "Check the phone format, for example +34612345678 (E.164), and ask the recipient by another "
     "way to update WhatsApp."},
    {131030, Verdict::refused,
     "The recipient is not on the list of allowed numbers of the test number.",
     "Add the recipient to the test number's list in the app dashboard, or send from a real "
     "number."},
    {131031, Verdict::account,
     "The account is locked for a policy violation, or its data such as the PIN could not be "
     "verified.",
     policy_hint},
    {131037, Verdict::account, "The display name of the number is not approved.",
     "Get the display name approved in WhatsApp Manager."},
    {131041, Verdict::refused, "The group is unknown.", group_hint},
    {131042, Verdict::account,
     "There is a problem with the payment method, credit line, currency or time zone of the "
     "account.",
     payment_hint},
    {131044, Verdict::account, "There is a problem with the payment method of the account.",
     payment_hint},
    {131045, Verdict::account, "The sending number is not properly registered.", register_hint},
    {131047, Verdict::refused, "More than 24 hours have passed since the recipient's last message.",
     "Send an approved template instead of a free-form message."},
    {131048, Verdict::account,
     "Too many recipients blocked or reported this number: sending is limited as spam.",
     "Look at the quality rating in WhatsApp Manager, stop the campaign in question and resume "
     "later."},
    {131049, Verdict::refused,
     "Meta withheld the message so that the recipient does not get too many marketing messages.",
     "Wait at least 24 hours before another marketing message to this recipient; repeating it "
     "counts against the account."},
    {131050, Verdict::refused, "The recipient has stopped marketing messages from this business.",
     "Record the opt-out and send no marketing messages until the recipient resumes them."},
    {131051, Verdict::refused, "The type of the message is not supported.", request_hint},
    {131052, Verdict::refused, "The media of an inbound message could not be downloaded.",
     inbound_hint},
    {131053, Verdict::refused, "The media could not be uploaded or fetched.",
     "Check type and size of the file and that its link is reachable by HTTPS without a login."},
    {131055, Verdict::refused,
     "The method is not allowed here: this endpoint takes marketing templates only.",
     endpoint_hint},
    {131056, Verdict::throttle,
     "Too many messages to this recipient in a short time; other recipients are not affected.",
     "Nothing: later messages to this recipient wait. The platform allows about one every six "
     "seconds."},
    {131057, Verdict::throttle,
     "The account is in maintenance mode, for example for a throughput upgrade.", wait_hint},
    {131059, Verdict::refused, "The paging cursor is not valid or has expired.",
     "Start the listing again without a cursor."},
    {131060, Verdict::refused, "The message is not available.", inbound_hint},
    {131062, Verdict::refused, "This message cannot go to a business-scoped user id.",
     "Send it to a phone number in E.164 form, for example +34612345678."},
    {131063, Verdict::refused,
     "Marketing templates are disabled on the Cloud API for this account.", endpoint_hint},
    {131064, Verdict::account,
     "Templates were classified wrongly too often: sending is limited until the enforcement period "
     "ends.",
     policy_hint},
    {131201, Verdict::refused, "The group request succeeded in part only.", group_hint},
    {131202, Verdict::refused, "The participant is in the group already.", group_hint},
    {131204, Verdict::refused, "The group has too many participants.", group_hint},
    {131207, Verdict::refused, "The group is suspended.", group_hint},
    {131208, Verdict::retry, "The rate limit of group operations was reached.", rate_hint},
    {131209, Verdict::refused, "The group operation is not possible (codes 131209 to 131215).",
     group_hint},
    {132000, Verdict::refused, "The number of parameters differs from the template's.",
     parameters_hint},
    {132001, Verdict::refused, "The template does not exist in this language or is not approved.",
     template_hint},
    {132005, Verdict::refused, "The text is too long once the parameters are filled in.",
     "Shorten the parameters."},
    {132007, Verdict::refused, "The template's content violates a policy.",
     "Correct the template in Meta Business Suite and have it approved again."},
    {132008, Verdict::refused, "The value of a template parameter is not valid.", parameters_hint},
    {132012, Verdict::refused, "A parameter has another format than the template expects.",
     parameters_hint},
    {132015, Verdict::refused, "The template is paused because of low quality.",
     "Improve the template, or wait until Meta lifts the pause, then send again."},
    {132016, Verdict::refused, "The template was disabled for good because of low quality.",
     "Create a new template with other content."},
    {132018, Verdict::refused, "The template parameters failed validation.",
     "No newlines, tabs or more than four spaces in a row in a parameter; compare number and names "
     "with the template."},
    {132068, Verdict::refused, "The flow is blocked.", flow_hint},
    {132069, Verdict::throttle, "The flow is throttled: it was sent 10 times within the hour.",
     flow_hint},
    {133000, Verdict::account, "An earlier deregistration of the number is not complete.",
     register_hint},
    {133004, Verdict::retry, "The registration server is temporarily unavailable.",
     platform_status_hint},
    {133005, Verdict::account, "The two-step verification PIN is wrong.", pin_hint},
    {133006, Verdict::account, "The number needs to be verified again.", register_hint},
    {133008, Verdict::account, "The PIN was entered wrongly too often.", pin_hint},
    {133009, Verdict::account, "The PIN was entered too fast.", pin_hint},
    {133010, Verdict::account, "The sending number is not registered on the platform.",
     register_hint},
    {133015, Verdict::throttle, "The number was deleted a moment ago.", wait_hint},
    {133016, Verdict::throttle,
     "The number was registered or deregistered more than 10 times in 72 hours.", wait_hint},
    {134011, Verdict::refused, "The WhatsApp Payments terms of service are not accepted.",
     "Accept them in WhatsApp Manager."},
    {134100, Verdict::refused, "This endpoint takes marketing messages only.", endpoint_hint},
    {134101, Verdict::throttle,
     "The template is still being synchronised, which takes up to 10 minutes.", wait_hint},
    {134102, Verdict::refused, "The template is not available for the Marketing Messages API.",
     endpoint_hint},
    {134103, Verdict::refused, "The template is not eligible for the Marketing Messages API.",
     endpoint_hint},
    {135000, Verdict::refused,
     "The request failed because of its parameters, without further explanation.", request_hint},
    {136024, Verdict::account, "The verification code could not be requested.", register_hint},
    {136025, Verdict::account, "The verification code could not be checked.", register_hint},
    {137000, Verdict::refused,
     "The recipient's identity key has changed: another person may hold the number.",
     "Make sure that it is still the right person before sending again."},
    {138000, Verdict::refused, "An error of the Calling API (codes 138000 to 138999).",
     calling_hint},
    {139000, Verdict::refused, "An error of a flow (codes 139000 to 139004).", flow_hint},
    {139100, Verdict::refused,
     "Users could not be blocked or unblocked, all or some of them (codes 139100 to 139103).",
     "The answer names those that succeeded; repeat the others."},
    {139200, Verdict::refused, "The access to Direct Send is blocked.",
     "Send an approved template instead."},
    {141000, Verdict::account,
     "The health check of the account names an obstacle (codes 141000 to 141999).", health_hint},
    {141002, Verdict::refused, "The health check reports a template that is not approved.",
     template_hint},
    {141006, Verdict::account, "The health check reports a problem with the payment method.",
     payment_hint},
    {147001, Verdict::refused, "The business username cannot be used (codes 147001 to 147005).",
     "Choose another username in WhatsApp Manager."},
    {200005, Verdict::refused, "Template insights are not available.", manage_hint},
    {200006, Verdict::refused, "Template insights cannot be disabled.", manage_hint},
    {200007, Verdict::refused, "Template insights are not enabled.", manage_hint},
    {1752041, Verdict::refused, "Onboarding to the Marketing Messages API was requested already.",
     manage_hint},
    {2388001, Verdict::account, "The number cannot be migrated.", register_hint},
    {2388012, Verdict::account, "The number cannot be migrated.", register_hint},
    {2388019, Verdict::refused, "The account has reached its limit of templates.",
     "Delete templates that are not used."},
    {2388023, Verdict::refused,
     "A deleted template of this name and language is still being removed.",
     "Wait until the removal is done or use another name."},
    {2388024, Verdict::refused, "Content in this language exists already for this template.",
     "Edit the existing translation."},
    {2388039, Verdict::refused, "The category of the template is not valid.", create_hint},
    {2388040, Verdict::refused, "A field of the template is too long.", create_hint},
    {2388047, Verdict::refused, "The header of the template has a wrong format.", create_hint},
    {2388072, Verdict::refused, "The body of the template has a wrong format.", create_hint},
    {2388073, Verdict::refused, "The footer of the template has a wrong format.", create_hint},
    {2388091, Verdict::account, "The number cannot be migrated.", register_hint},
    {2388093, Verdict::account, "The number cannot be migrated.", register_hint},
    {2388103, Verdict::account, "The number cannot be migrated.", register_hint},
    {2388293, Verdict::refused, "The template has too many variables for the length of its text.",
     create_hint},
    {2388299, Verdict::refused, "The template begins or ends with a variable.", create_hint},
    {2388318, Verdict::refused, "A Direct Send template cannot be updated.", manage_hint},
    {2388330, Verdict::refused, "A Direct Send template cannot be deleted.", manage_hint},
    {2494100, Verdict::throttle, "The number is in maintenance mode.", wait_hint},
    {2593079, Verdict::account, "The account cannot be migrated or synchronised.", register_hint},
    {2593085, Verdict::account, "The account cannot be migrated or synchronised.", register_hint},
    {2593107, Verdict::account,
     "The account cannot be migrated or synchronised (codes 2593107 to 2593109).", register_hint},
};
constexpr std::size_t table_rows = sizeof(table) / sizeof(table[0]);

struct Range {
	long long first; /* has a row in the table */
	long long last;
};

constexpr Range ranges[] = {
    {200, 299},       {80000, 80014},   {131209, 131215}, {138000, 138999},   {139000, 139004},
    {139100, 139103}, {141000, 141999}, {147001, 147005}, {2593107, 2593109},
};

struct Wait {
	long long code;
	std::int64_t ms;
};

constexpr std::int64_t second = 1000;
constexpr std::int64_t minute = 60 * second;
constexpr std::int64_t hour = 60 * minute;

constexpr Wait waits[] = {
    {131057, 60 * second}, {132069, hour},        {133015, 5 * minute},
    {133016, 72 * hour},   {134101, 10 * minute}, {2494100, 5 * minute},
};

constexpr const Explanation *
find_row(long long code) noexcept
{
	std::size_t low = 0;
	std::size_t high = table_rows;

	while (low < high) {
		std::size_t middle = low + (high - low) / 2;
		if (table[middle].code < code)
			low = middle + 1;
		else
			high = middle;
	}
	return low < table_rows && table[low].code == code ? &table[low] : nullptr;
}

constexpr bool
table_ordered() noexcept
{
	for (std::size_t i = 1; i < table_rows; i++)
		if (table[i - 1].code >= table[i].code)
			return false;
	return true;
}

constexpr bool
ranges_have_rows() noexcept
{
	for (const Range &range : ranges)
		if (find_row(range.first) == nullptr)
			return false;
	return true;
}

static_assert(table_ordered(), "the search needs the rows in order");
static_assert(ranges_have_rows(), "the first code of a range carries its row");

} // namespace

const Explanation *
explain_code(long long code) noexcept
{
	if (const Explanation *row = find_row(code))
		return row;
	for (const Range &range : ranges)
		if (code >= range.first && code <= range.last)
			return find_row(range.first);
	return nullptr;
}

const Explanation *
error_code_table(std::size_t &count) noexcept
{
	count = table_rows;
	return table;
}

std::int64_t
documented_wait_ms(long long code) noexcept
{
	for (const Wait &wait : waits)
		if (wait.code == code)
			return wait.ms;
	return -1;
}

} // namespace whatsapp
