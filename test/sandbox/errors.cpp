/*
 * errors.cpp: the table of Meta's error codes, ordered by code, and the shape of an error answer.
 */
#include "errors.hpp"

#include <algorithm>
#include <cstdint>

#include "exchange.hpp"
#include "text.hpp"

namespace sandbox
{

namespace
{

const KnownError table[] = {
    {0, 401, "AuthException", "We were unable to authenticate the app user."},
    {1, 400, "API Unknown", "Invalid request or possible server error."},
    {2, 503, "API Service", "Temporary due to downtime or due to being overloaded."},
    {3, 500, "API Method", "Capability or permissions issue."},
    {4, 400, "API Too Many Calls", "The app has reached its API call rate limit."},
    {10, 403, "Permission Denied", "Permission is either not granted or has been removed."},
    {17, 400, "User request limit reached", "Too many calls by this user."},
    {32, 400, "Page request limit reached", "Too many calls for this page."},
    {33, 400, "Parameter value is not valid", "The business phone number has been deleted."},
    {100, 400, "Invalid parameter",
     "The request included one or more unsupported or misspelled parameters."},
    {102, 401, "API Session",
     "The login status or access token has expired, been revoked, or is otherwise invalid."},
    {190, 401, "Access token has expired", "Your access token has expired."},
    {341, 400, "Application limit reached", "The application is temporarily limited."},
    {368, 403, "Temporarily blocked for policies violations",
     "The WhatsApp Business Account has been restricted or disabled for violating a platform "
     "policy."},
    {613, 400, "Calls to this api have exceeded the rate limit.",
     "Custom-level rate limit reached."},
    {803, 404, "Some of the aliases you requested do not exist", "Unknown object id."},
    {1026, 400, "Receiver Incapable", "The receiver can't show this kind of message."},
    {80007, 400, "Rate limit issues", "The WhatsApp Business Account has reached its rate limit."},
    {80008, 400, "There have been too many calls to this WhatsApp Business account.",
     "Wait a bit and try again."},
    {130403, 400, "User is blocked", "The business blocked this user."},
    {130429, 400, "Rate limit hit", "Cloud API message throughput has been reached."},
    {130472, 400, "User's number is part of an experiment",
     "Message was not sent as part of an experiment."},
    {130497, 403, "Business account is restricted from messaging users in this country.",
     "The WhatsApp Business Account is restricted from messaging to users in certain countries."},
    {130501, 400, "Message type is not currently supported",
     "Message type is not supported in groups."},
    {131000, 500, "Something went wrong", "Message failed to send due to an unknown error."},
    {131005, 403, "Access denied", "Permission is either not granted or has been removed."},
    {131008, 400, "Required parameter is missing", "The request is missing a required parameter."},
    {131009, 400, "Parameter value is not valid", "One or more parameter values are invalid."},
    {131016, 500, "Service unavailable", "A service is temporarily unavailable."},
    {131020, 400, "Group action failed", "The group does not exist or is not active."},
    {131021, 400, "Recipient cannot be sender", "Sender and recipient phone number is the same."},
    {131026, 400, "Message undeliverable", "Message Undeliverable."},
    {131030, 400, "Recipient phone number not in allowed list",
     "Recipient phone number not in allowed list: Add recipient phone number to recipient list and "
     "try again."},
    {131031, 403, "Business Account locked",
     "The account has been restricted or disabled, or data of the request could not be verified."},
    {131037, 400, "Display name approval needed",
     "WhatsApp provided number needs display name approval before message can be sent."},
    {131041, 400, "Group message failed", "The message could not be sent to the group."},
    {131042, 400, "Business eligibility payment issue",
     "Message failed to send because there were one or more errors related to your payment "
     "method."},
    {131045, 500, "Incorrect certificate",
     "Message failed to send due to a phone number registration error."},
    {131047, 400, "Re-engagement message",
     "Message failed to send because more than 24 hours have passed since the customer last "
     "replied to this number."},
    {131048, 400, "Spam rate limit hit",
     "Message failed to send because there are restrictions on how many messages can be sent from "
     "this phone number."},
    {131049, 400, "Meta chose not to deliver",
     "This message was not delivered to maintain healthy ecosystem engagement."},
    {131050, 400, "User stopped marketing messages",
     "Unable to deliver the message. The recipient has stopped marketing messages from your "
     "business."},
    {131051, 400, "Unsupported message type", "Message type unknown."},
    {131052, 400, "Media download error", "Unable to download the media sent by the user."},
    {131053, 400, "Media upload error", "Unable to upload the media used in the message."},
    {131055, 400, "Method not allowed", "Only marketing templates can be sent by this endpoint."},
    {131056, 400, "(Business Account, Consumer Account) pair rate limit hit",
     "Too many messages sent from the sender phone number to the same recipient phone number in a "
     "short period."},
    {131057, 500, "Account in maintenance mode", "Business Account is in maintenance mode."},
    {131059, 400, "Invalid cursor", "The paging cursor is invalid or has expired."},
    {131060, 400, "Message unavailable", "This message is currently unavailable."},
    {131062, 400, "Business-scoped user id recipients are not supported for this message",
     "Authentication templates need a phone number."},
    {131063, 400, "Marketing templates are disabled on Cloud API",
     "Use the marketing messages endpoint."},
    {131064, 400, "Template classification violations",
     "Too many template classification violations; sending is limited until the enforcement period "
     "ends."},
    {131201, 206, "Partial group request", "Only a part of the request succeeded."},
    {131202, 400, "Group request failed", "The group request is not valid."},
    {131204, 400, "Group request failed", "The group request is not valid."},
    {131207, 403, "Group access denied", "The business is not a member of the group."},
    {131208, 429, "Group operation rate limit hit", "Too many group operations."},
    {131209, 400, "Group request failed", "The group request is not valid."},
    {131210, 400, "Group request failed", "The group request is not valid."},
    {131211, 400, "Group request failed", "The group request is not valid."},
    {131212, 400, "Group request failed", "The group request is not valid."},
    {131213, 400, "Group request failed", "The group request is not valid."},
    {131214, 400, "Group request failed", "The group request is not valid."},
    {131215, 400, "Group request failed", "Groups are not enabled for this number."},
    {132000, 400, "Number of parameters does not match the expected number of params",
     "body: number of localizable_params does not match the expected number of params"},
    {132001, 404, "Template name does not exist in the translation",
     "The template does not exist in the specified language or the template has not been "
     "approved."},
    {132005, 400, "Template Hydrated Text Too Long", "Translated text is too long."},
    {132007, 400, "Template Format Character Policy Violated",
     "Template content violates a WhatsApp policy."},
    {132012, 400, "Parameter format does not match format in the created template",
     "Variable parameter values formatted incorrectly."},
    {132015, 400, "Template is Paused",
     "Template is paused due to low quality so it cannot be sent."},
    {132016, 400, "Template is Disabled",
     "Template has been paused too many times due to low quality and is now permanently disabled."},
    {132018, 400, "There's an issue with the parameters in your template",
     "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"},
    {132068, 400, "Flow is in blocked state", "Flow is in blocked state."},
    {132069, 400, "Flow is in throttled state",
     "Flow is in throttled state and 10 messages using this flow were already sent in the last "
     "hour."},
    {133000, 500, "Incomplete Deregistration", "A previous deregistration attempt failed."},
    {133004, 503, "Server Temporarily Unavailable", "Server is temporarily unavailable."},
    {133005, 400, "Two step verification PIN Mismatch", "Two-step verification PIN incorrect."},
    {133006, 400, "Phone number re-verification needed",
     "Phone number needs to be verified before registering."},
    {133008, 400, "Too Many two step verification PIN Guesses",
     "Too many two-step verification PIN guesses for this phone number."},
    {133009, 400, "Two step verification PIN Guessed Too Fast",
     "Two-step verification PIN was entered too quickly."},
    {133010, 400, "Phone number Not Registered",
     "Phone number not registered on the Whatsapp Business Platform."},
    {133015, 400, "Please wait a few minutes before attempting to register this phone number",
     "The phone number was recently deleted, and deletion has not yet completed."},
    {133016, 400, "Account register deregister rate limit exceeded",
     "Registration or deregistration failed because there were too many attempts in a short "
     "period."},
    {134011, 400, "WhatsApp Payments terms of service have not been accepted",
     "Accept the terms first."},
    {134100, 400, "Only marketing messages supported",
     "Only marketing templates are allowed on this endpoint."},
    {134101, 400, "Template is syncing",
     "The template is still being synced; try again in 10 minutes."},
    {134102, 500, "Template unavailable for use", "The template can't be used with this endpoint."},
    {134103, 400, "Not eligible",
     "The account is not eligible for marketing messages on this endpoint."},
    {135000, 400, "Generic user error",
     "Message failed to send because of an unknown error with your request parameters."},
    {136024, 400, "Verification code request failed",
     "The verification code could not be requested."},
    {136025, 400, "Verification code error", "The verification code could not be verified."},
    {137000, 400, "Recipient identity key hash mismatch", "The recipient's identity has changed."},
    {139100, 400, "Failed to block/unblock users", "Only a part of the users was processed."},
    {139101, 400, "Block list limit reached", "The block list is full."},
    {139102, 400, "Block list concurrent update", "The block list was changed at the same time."},
    {139200, 400, "Direct Send access blocked", "Access to Direct Send was blocked for misuse."},
    {200005, 400, "Template Insights Not Available",
     "Template insights are not available for this account."},
    {200006, 400, "Cannot Disable Template Insights",
     "Template insights can't be disabled once enabled."},
    {200007, 400, "Template Insights Not Enabled", "Enable template insights first."},
    {2388019, 400, "Template Limit Exceeded", "The account has reached its limit of templates."},
    {2388039, 400, "Template category format", "The category of the template is not valid."},
    {2388040, 400, "Template character limit", "One of the fields exceeds its character limit."},
    {2388047, 400, "Template header format", "The header of the template is not valid."},
    {2388072, 400, "Template body format", "The body of the template is not valid."},
    {2388073, 400, "Template footer format", "The footer of the template is not valid."},
    {2388293, 400, "Template parameters ratio", "Too many variables for the length of the text."},
    {2388299, 400, "Template leading or trailing parameter",
     "Variables can't be at the start or end of the template."},
    {2494100, 400, "Phone number in maintenance mode", "Retry in a few minutes."},
};

std::string
trace_id()
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	std::string id = "A";
	uint64_t bits = 0;
	for (int i = 0; i < 22; i++) {
		if (i % 10 == 0)
			bits = random_bits();
		id.push_back(letters[bits & 63]);
		bits >>= 6;
	}
	return id;
}

} // namespace

KnownError
known_error(int code)
{
	const auto *found =
	    std::lower_bound(std::begin(table), std::end(table), code,
	                     [](const KnownError &known, int wanted) { return known.code < wanted; });
	if (found != std::end(table) && found->code == code)
		return *found;
	if (code >= 200 && code <= 299)
		return {code, 403, "API Permission",
		        "Permission is either not granted or has been removed."};
	if (code >= 138000 && code <= 138999)
		return {code, 400, "Calling API error", "The call could not be placed."};
	if (code >= 147001 && code <= 147005)
		return {code, 400, "Business username error", "The username request is not valid."};
	return {code, 400, "Unknown error", "An unknown error has occurred."};
}

Reply
error_reply(const Error &error)
{
	const KnownError known = known_error(error.code);
	std::string message = error.message;
	int subcode = error.subcode;
	if (message.empty() && error.code == 190) {
		/* Meta's token errors carry no "(#code)" and no error_data. */
		message = "Error validating access token: Session has expired.";
		subcode = subcode != 0 ? subcode : 463;
	}
	const bool bare = !message.empty() && error.details.empty();
	if (message.empty())
		message = "(#" + std::to_string(error.code) + ") " + known.title;

	Reply reply;
	reply.status = known.http;
	std::string &out = reply.body;
	out = "{\"error\":{\"message\":";
	quote(out, message);
	out += ",\"type\":";
	quote(out, error.type);
	out += ",\"code\":" + std::to_string(error.code);
	if (!bare) {
		out += ",\"error_data\":{\"messaging_product\":\"whatsapp\",\"details\":";
		quote(out, error.details.empty() ? known.details : error.details);
		out += "}";
	}
	if (subcode != 0)
		out += ",\"error_subcode\":" + std::to_string(subcode);
	out += ",\"fbtrace_id\":\"" + trace_id() + "\"}}";
	return reply;
}

} // namespace sandbox
